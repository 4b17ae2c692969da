package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// imageSize is how long the served files are, in bytes. Two of them must fit into memory.
const imageSize = 1 << 30

// sparseSize is how long the file is that has nothing in it.
const sparseSize = 100 << 30

// bench is one run: the files that are served, and what was measured.
type bench struct {
	dir       string // private; goes with the run
	run       string // in it: the servers' own
	image     string // what is read
	copy      string // what is written
	sparse    string
	pki       string
	workloads []workload
	points    [][][]point // by workload and server, one a round; none where a server has not what it takes
	limits    []float64   // of sendFile, one a round
}

// point is what one round measured of one server at one workload.
type point struct {
	rate   float64 // in the workload's unit
	cpu    float64 // µs of server CPU for one operation
	memory float64 // MiB of physical memory at its peak
}

// newBench makes the files, of data without holes or zeroes that a client could skip.
func newBench(ws []workload) (*bench, error) {
	dir, err := os.MkdirTemp("", "nbdtui-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{
		dir: dir, run: filepath.Join(dir, "run"), image: filepath.Join(dir, "image"), copy: filepath.Join(dir, "copy"),
		sparse: filepath.Join(dir, "sparse"), pki: filepath.Join(dir, "pki"),
		workloads: ws, points: make([][][]point, len(ws)),
	}
	for i := range b.points {
		b.points[i] = make([][]point, len(servers))
	}
	log.Printf("making two files of %d GiB in %s", imageSize>>30, dir)
	if err := b.fill(); err != nil {
		b.close()
		return nil, fmt.Errorf("make the files: %w", err)
	}
	return b, nil
}

// fill makes what is served, for whoever the server will be.
func (b *bench) fill() error {
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(b.run, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("bin/nbdtui", "tls-init", b.pki).CombinedOutput(); err != nil {
		return fmt.Errorf("make certificates: %w: %s", err, out)
	}
	for _, path := range []string{b.image, b.copy} {
		if err := makeImage(path); err != nil {
			return err
		}
		if err := os.Chmod(path, 0o666); err != nil {
			return err
		}
	}
	f, err := os.Create(b.sparse)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(sparseSize), f.Close())
}

func makeImage(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), imageSize); err != nil {
		return err
	}
	return f.Sync()
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// place is where a server serves a file to a scene.
func (b *bench) place(s scene, file string) (place, error) {
	port, err := freePort()
	p := place{scene: s, dir: b.run, socket: filepath.Join(b.run, "socket"), port: port, file: file, pki: b.pki}
	p.words = nil
	for _, w := range s.words {
		p.words = append(p.words, strings.ReplaceAll(w, pauseSocket, filepath.Join(b.run, "pause")))
	}
	return p, err
}

// verify proves, once for each server, that what it is given arrives and that it gives what is there.
func (b *bench) verify(ctx context.Context) error {
	f, err := os.Open(b.image)
	if err != nil {
		return err
	}
	defer f.Close()
	want, err := digest(f)
	if err != nil {
		return err
	}
	for _, s := range servers {
		if err := b.verifyOne(ctx, s, want); err != nil {
			return fmt.Errorf("verify %s: %w", s.name, err)
		}
	}
	log.Print("every server serves and keeps the same bytes")
	return nil
}

func (b *bench) verifyOne(ctx context.Context, s server, want string) error {
	f, err := os.Create(b.copy)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(imageSize); err != nil {
		return err
	}
	at, err := b.place(scene{}, b.copy)
	if err != nil {
		return err
	}
	p, err := s.start(ctx, at)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := client(ctx, "nbdcopy", b.image, p.uri); err != nil {
		return err
	}
	if got, err := digest(f); err != nil || got != want {
		return fmt.Errorf("the file is not what nbdcopy wrote (%v)", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reader := exec.CommandContext(ctx, "nbdcopy", p.uri, "-")
	reader.WaitDelay = stopTime
	out, err := reader.StdoutPipe()
	if err != nil {
		return err
	}
	if err := reader.Start(); err != nil {
		return err
	}
	got, err := digest(out)
	if ended := reader.Wait(); err != nil || ended != nil || got != want {
		return fmt.Errorf("nbdcopy does not read what is in the file (%v, %v)", err, ended)
	}
	return nil
}

func digest(r io.Reader) (string, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return fmt.Sprintf("%d %x", n, h.Sum(nil)), err
}

// round measures every server at every workload. Who begins changes from workload to workload and round to round.
func (b *bench) round(ctx context.Context, round int) error {
	for i, w := range b.workloads {
		restore, err := w.setUp(b)
		if err != nil {
			return err
		}
		err = b.turns(ctx, round, i)
		restore()
		if err != nil {
			return err
		}
	}
	if b.workloads[0].group == mainGroup {
		limit, err := sendFile(b.run, b.image)
		if err != nil {
			return fmt.Errorf("send the file without a protocol: %w", err)
		}
		b.limits = append(b.limits, limit)
	}
	return nil
}

func (b *bench) turns(ctx context.Context, round, i int) error {
	for k := range servers {
		at := (round + i + k) % len(servers)
		p, there, err := b.measure(ctx, servers[at], b.workloads[i])
		if err != nil {
			return fmt.Errorf("%s, %s: %w", b.workloads[i].name, servers[at].name, err)
		}
		if there {
			b.points[i][at] = append(b.points[i][at], p)
		}
	}
	return nil
}

// measure lets a client work on a server that was started for it alone.
func (b *bench) measure(ctx context.Context, s server, w workload) (_ point, there bool, err error) {
	file := b.image
	switch {
	case w.sparse:
		file = b.sparse
	case w.writes && !w.memory:
		file = b.copy
	}
	// The write-back of one server's data must not be paid for by the next.
	if err := syncFile(b.copy); err != nil {
		return point{}, false, err
	}
	if w.cold {
		if err := evict(file); err != nil {
			return point{}, false, err
		}
	}
	at, err := b.place(w.scene, file)
	if err != nil {
		return point{}, false, err
	}
	p, err := s.start(ctx, at)
	if p == nil || err != nil {
		return point{}, false, err
	}
	defer p.stop()
	before, err := cpuTime(p.pid())
	if err != nil {
		return point{}, false, err
	}
	peak := watchMemory(p.pid())
	done, err := w.run(ctx, w, p, b.image)
	memory := peak()
	if err != nil {
		return point{}, false, err
	}
	if err := p.alone(ctx); err != nil {
		return point{}, false, err
	}
	after, err := cpuTime(p.pid())
	if err != nil {
		return point{}, false, err
	}
	cpu := float64(after-before) / float64(time.Microsecond)
	return point{done.rate, cpu / done.operations, float64(memory) / (1 << 20)}, true, nil
}

// alone waits until the processes have ended that a server started for its clients: their CPU time is its own then.
func (p *process) alone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for p.daemon != 0 && len(children(p.daemon)) > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("its clients' processes do not end")
		}
	}
	return nil
}

// watchMemory looks at a process now and then, until what it returns is called, which tells the peak.
func watchMemory(pid int) func() uint64 {
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		most := uint64(0)
		for {
			most = max(most, peakMemory(pid))
			select {
			case <-tick.C:
			case <-stop:
				peak <- most
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-peak
	}
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
