package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// counted is a workload, and how many system calls that move data a request of it may take at most. Time does not
// matter, so a busy machine does not either.
type counted struct {
	workload
	most float64
}

// counts are what must hold: with the send buffer that root gets, and with the usual one.
func counts() []counted {
	var list []counted
	for _, s := range []scene{{}, {ordinary: true}} {
		large := 3.2
		if s.ordinary {
			large = 4
		}
		for _, size := range []string{"32k", "64k", "256k", "1m"} {
			list = append(list, counted{fio("read", size, 16, 1, s), large})
		}
		list = append(list,
			counted{fio("randread", "4k", 32, 1, s), 1.7},
			counted{fio("randwrite", "4k", 32, 1, s), 1.7},
			counted{fio("randwrite", "32k", 8, 1, s), 2},
			counted{fio("randwrite", "64k", 8, 1, s), 3},
			counted{fio("write", "256k", 8, 1, s), 6},
			counted{fio("write", "1m", 8, 1, s), 12},
		)
	}
	return list
}

// moving are the system calls that move data.
var moving = map[string]bool{
	"read": true, "readv": true, "pread64": true, "preadv": true, "preadv2": true, "recvfrom": true, "recvmsg": true,
	"write": true, "writev": true, "pwrite64": true, "pwritev": true, "pwritev2": true, "sendto": true, "sendmsg": true,
	"splice": true, "tee": true, "vmsplice": true, "sendfile": true,
}

// count counts the system calls of nbdtui, and the memory of many clients. It fails where there is too much.
func count(ctx context.Context) error {
	if err := need("bin/nbdtui", "nbdcopy", "fio", "strace"); err != nil {
		return err
	}
	b, err := newBench(nil)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Println("| workload | user | calls a request | at most | which |\n|---|---|--:|--:|---|")
	tooMany := 0
	for _, c := range counts() {
		n, which, err := b.countOne(ctx, c.workload)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		verdict := number(n)
		if n > c.most {
			verdict = "**" + verdict + "**"
			tooMany++
		}
		user := map[bool]string{true: "ordinary", false: "root"}[c.ordinary]
		fmt.Printf("| %s | %s | %s | %v | %s |\n", c.name, user, verdict, c.most, which)
	}
	if err := b.countMemory(ctx); err != nil {
		return err
	}
	if tooMany > 0 {
		return fmt.Errorf("%d workloads take too many system calls", tooMany)
	}
	return nil
}

// countOne returns the calls of one request, and which they are.
func (b *bench) countOne(ctx context.Context, w workload) (float64, string, error) {
	restore, err := w.setUp(b)
	if err != nil {
		return 0, "", err
	}
	defer restore()
	file := b.image
	if w.writes {
		file = b.copy
	}
	at, err := b.place(w.scene, file)
	if err != nil {
		return 0, "", err
	}
	report := filepath.Join(b.dir, "strace")
	p, err := servers[0].start(ctx, at, "strace", "-f", "-c", "-U", "calls,name", "-o", report)
	if err != nil {
		return 0, "", err
	}
	defer p.stop()
	// strace does not end what it follows; when that has ended, so has strace.
	started := children(p.cmd.Process.Pid)
	if len(started) != 1 {
		return 0, "", fmt.Errorf("strace follows %v", started)
	}
	if p.daemon, err = strconv.Atoi(started[0]); err != nil {
		return 0, "", err
	}
	done, err := w.run(ctx, w, p, b.image)
	if err != nil {
		return 0, "", err
	}
	endDaemon(p.daemon)
	<-p.ended
	text, err := os.ReadFile(report)
	if err != nil {
		return 0, "", err
	}
	n, which := perRequest(string(text), done.operations)
	return n, which, nil
}

// perRequest takes the calls that move data from strace's table.
func perRequest(table string, requests float64) (sum float64, which string) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) != 2 || !moving[fields[1]] {
			continue
		}
		calls, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			continue
		}
		sum += calls / requests
		if calls/requests >= 0.01 {
			which += fmt.Sprintf("%s %.2f, ", fields[1], calls/requests)
		}
	}
	return sum, strings.TrimSuffix(which, ", ")
}
