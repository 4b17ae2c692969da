package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// workload is what a client does to a server.
type workload struct {
	group string
	name  string
	unit  string
	size  float64 // of a request, in bytes
	scene
	writes bool
	run    func(ctx context.Context, w workload, p *process, image string) (outcome, error)
	args   []string // of fio
}

// outcome is what a client did.
type outcome struct {
	rate       float64 // in the workload's unit
	operations float64 // requests
}

// copySize is a request of nbdcopy's, in bytes; qemu-img convert's are eight times as long.
const (
	copySize    = 256 << 10
	convertSize = 2 << 20
)

func copying(name string, writes bool, s scene) workload {
	return workload{name: name, unit: "MiB/s", size: copySize, writes: writes, scene: s, run: runCopy}
}

func runCopy(ctx context.Context, w workload, p *process, image string) (outcome, error) {
	from, to := p.uri, "null:"
	if w.writes {
		from, to = image, p.uri
	}
	begin := time.Now()
	_, err := client(ctx, "nbdcopy", fmt.Sprintf("--request-size=%d", copySize), from, to)
	return outcome{imageSize / (1 << 20) / time.Since(begin).Seconds(), imageSize / copySize}, err
}

func converting(name string) workload {
	return workload{name: name, unit: "MiB/s", size: convertSize, run: runConvert}
}

func runConvert(ctx context.Context, _ workload, p *process, image string) (outcome, error) {
	out := image + ".converted"
	defer os.Remove(out)
	begin := time.Now()
	_, err := client(ctx, "qemu-img", "convert", "-f", "raw", "-O", "raw", "-W", p.uri, out)
	return outcome{imageSize / (1 << 20) / time.Since(begin).Seconds(), imageSize / convertSize}, err
}

// written is how much of a file fio writes to. What it has made dirty is synced before the next measurement, and that
// would take longer than the measurement if it were the whole file.
const written = "256m"

var fioSizes = map[string]float64{"4k": 4 << 10, "64k": 64 << 10, "1m": 1 << 20}

// fio works for 0.3 s, anywhere in the file or from its start, over so many connections.
func fio(pattern, size string, depth, connections int, s scene) workload {
	what := map[string]string{
		"randread": "random read", "randwrite": "random write", "read": "sequential read", "write": "sequential write",
	}[pattern]
	name := fmt.Sprintf("%s KiB, depth %d, %s", strings.TrimSuffix(size, "k"), depth, what)
	if size == "1m" {
		name = fmt.Sprintf("1 MiB, depth %d, %s", depth, what)
	}
	args := []string{"--name=bench", "--ioengine=nbd", "--output-format=json", "--time_based", "--runtime=300ms", "--norandommap",
		"--thread", // one process, which can be ended
		"--group_reporting", fmt.Sprintf("--numjobs=%d", connections),
		"--rw=" + pattern, "--bs=" + size, fmt.Sprintf("--iodepth=%d", depth)}
	writes := strings.HasSuffix(pattern, "write")
	if writes {
		args = append(args, "--size="+written)
	}
	if connections > 1 {
		name += fmt.Sprintf(", %d connections", connections)
	}
	return workload{name: name, unit: "requests/s", size: fioSizes[size], writes: writes, scene: s, run: runFio, args: args}
}

func runFio(ctx context.Context, w workload, p *process, _ string) (outcome, error) {
	out, err := client(ctx, "fio", append(w.args, "--uri="+p.uri)...)
	if err != nil {
		return outcome{}, err
	}
	return readFio(out)
}

// readFio takes the requests of both directions from fio's report. The nbd engine says before it that it has connected.
func readFio(report []byte) (outcome, error) {
	type direction struct {
		Requests float64 `json:"total_ios"`
		Rate     float64 `json:"iops"`
	}
	var r struct {
		Jobs []struct {
			Error       int
			Read, Write direction
		}
	}
	_, object, _ := bytes.Cut(report, []byte("{"))
	if err := json.Unmarshal(append([]byte("{"), object...), &r); err != nil {
		return outcome{}, fmt.Errorf("read fio's report: %w", err)
	}
	if len(r.Jobs) != 1 || r.Jobs[0].Error != 0 || r.Jobs[0].Read.Requests+r.Jobs[0].Write.Requests == 0 {
		return outcome{}, fmt.Errorf("fio has failed: %s", report)
	}
	j := r.Jobs[0]
	return outcome{j.Read.Rate + j.Write.Rate, j.Read.Requests + j.Write.Requests}, nil
}

// patience is how long a client may take.
const patience = time.Minute

// client runs a client to its end and returns its standard output.
func client(ctx context.Context, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var said bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Stderr = &said
	c.WaitDelay = stopTime
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %s", c.Args, err, said.Bytes())
	}
	return out, nil
}
