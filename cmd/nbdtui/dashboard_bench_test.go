package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the command's terminal costs: `make bench-child` prints the figures of docs/child.md.

// benchTerminal is a terminal of 120x40 that reads and keeps nothing, as fast as it can.
func benchTerminal(b *testing.B, args ...string) *terminal {
	x := inTerminal(b, 120, 40, args...)
	x.mu.Lock()
	x.blind = true
	x.mu.Unlock()
	return x
}

// BenchmarkChildOutput is how long a command is busy printing 64 MiB in lines: on a terminal as such, under the
// dashboard, and above the strip.
func BenchmarkChildOutput(b *testing.B) {
	const size = 64 << 20
	file := filepath.Join(b.TempDir(), "text")
	line := strings.Repeat("a plain word ", 6) + "\n"
	if err := os.WriteFile(file, bytes.Repeat([]byte(line), size/len(line)), 0o600); err != nil {
		b.Fatal(err)
	}
	for name, args := range map[string][]string{"unwatched": {"--ui=quiet"}, "watched": nil, "inline": {"--inline"}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				x := benchTerminal(b, append(args, "memory", "1M", "--run", "cat "+file)...)
				if code := x.wait(); code != 0 {
					b.Fatalf("status %d", code)
				}
			}
		})
	}
}

// BenchmarkCopyBesideOutput is eight copies of 512 MiB while the same command prints 10 MB a second, unwatched and watched.
func BenchmarkCopyBesideOutput(b *testing.B) {
	peer(b, "nbdcopy")
	text := filepath.Join(b.TempDir(), "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 10_000), 0o600); err != nil {
		b.Fatal(err)
	}
	disk := image(b, 512)
	for name, args := range map[string][]string{"unwatched": {"--ui=quiet"}, "watched": nil} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(8 * 512 << 20)
			for b.Loop() {
				x := benchTerminal(b, append(args, "file", disk, "--run",
					`(while sleep 0.1; do cat `+text+`; done) & for i in 1 2 3 4 5 6 7 8; do nbdcopy "$nbd" null: || exit 1; done; kill $!`)...)
				if code := x.wait(); code != 0 {
					b.Fatalf("status %d", code)
				}
			}
		})
	}
}

// BenchmarkFrozenTerminal counts copies of 256 MiB in ten seconds, on a terminal that is read and on one that takes
// nothing.
func BenchmarkFrozenTerminal(b *testing.B) {
	peer(b, "nbdcopy")
	disk := image(b, 256)
	for _, frozen := range []bool{false, true} {
		b.Run(fmt.Sprintf("frozen=%v", frozen), func(b *testing.B) {
			count := filepath.Join(b.TempDir(), "count")
			for b.Loop() {
				x := benchTerminal(b, "file", disk, "--run", `end=$(($(date +%s) + 10)); while [ $(date +%s) -lt $end ]; do
					nbdcopy "$nbd" null: && echo x >>`+count+`; done`)
				thaw := func() {}
				if frozen {
					thaw = x.freeze()
				}
				<-time.After(12 * time.Second) // what is measured is how much is done in it
				thaw()
				x.wait()
			}
			done, err := os.ReadFile(count)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(bytes.Count(done, []byte("\n")))/float64(b.N), "copies/10s")
		})
	}
}

// BenchmarkMemoryOfAFlood is what the program takes while its command prints without end, after some seconds and after
// a minute.
func BenchmarkMemoryOfAFlood(b *testing.B) {
	for b.Loop() {
		x := benchTerminal(b, "memory", "1M", "--run", "yes")
		<-time.After(5 * time.Second)
		early := resident(b, x.cmd)
		<-time.After(55 * time.Second)
		late := resident(b, x.cmd)
		x.keys("q")
		x.keys("s")
		x.wait()
		b.ReportMetric(early, "MiB-after-5s")
		b.ReportMetric(late, "MiB-after-60s")
	}
}

// resident is a process's memory, in MiB.
func resident(b testing.TB, cmd *exec.Cmd) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		b.Skip("only Linux tells")
	}
	for row := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(row, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
