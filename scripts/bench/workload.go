package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// workload is what a client does to a server.
type workload struct {
	name      string
	unit      string
	writes    bool
	dashboard bool // nbdtui shows it
	run       func(ctx context.Context, w workload, uri, image string) (outcome, error)
	args      []string // of fio
}

// outcome is what a client did.
type outcome struct {
	rate       float64 // in the workload's unit
	operations float64 // requests
}

var workloads = []workload{
	copying("nbdcopy to null:", false, false),
	copying("nbdcopy to null:, dashboard on", false, true),
	copying("nbdcopy into the file", true, false),
	fio("4 KiB, depth 1, random read", "randread", "4k", 1),
	fio("4 KiB, depth 1, random write", "randwrite", "4k", 1),
	fio("4 KiB, depth 32, random read", "randread", "4k", 32),
	fio("4 KiB, depth 32, sequential read", "read", "4k", 32),
	fio("4 KiB, depth 32, random write", "randwrite", "4k", 32),
	fio("4 KiB, depth 32, sequential write", "write", "4k", 32),
	fio("64 KiB, depth 8, random read", "randread", "64k", 8),
	fio("64 KiB, depth 8, random write", "randwrite", "64k", 8),
	fio("1 MiB, depth 8, sequential read", "read", "1m", 8),
	fio("1 MiB, depth 8, sequential write", "write", "1m", 8),
}

// copySize is a request of nbdcopy's, in bytes.
const copySize = 256 << 10

func copying(name string, writes, dashboard bool) workload {
	return workload{name: name, unit: "MiB/s", writes: writes, dashboard: dashboard, run: runCopy}
}

func runCopy(ctx context.Context, w workload, uri, image string) (outcome, error) {
	from, to := uri, "null:"
	if w.writes {
		from, to = image, uri
	}
	begin := time.Now()
	_, err := client(ctx, "nbdcopy", fmt.Sprintf("--request-size=%d", copySize), from, to)
	return outcome{imageSize / (1 << 20) / time.Since(begin).Seconds(), imageSize / copySize}, err
}

// fio works for a second, anywhere in the file, over one connection.
func fio(name, pattern, size string, depth int) workload {
	return workload{
		name: name, unit: "requests/s", writes: strings.HasSuffix(pattern, "write"), run: runFio,
		args: []string{"--name=bench", "--ioengine=nbd", "--output-format=json", "--time_based", "--runtime=1", "--norandommap",
			"--thread", // one process, which can be ended
			"--rw=" + pattern, "--bs=" + size, fmt.Sprintf("--iodepth=%d", depth)},
	}
}

func runFio(ctx context.Context, w workload, uri, _ string) (outcome, error) {
	out, err := client(ctx, "fio", append(w.args, "--uri="+uri)...)
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
