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

	"example.com/nbdtui/internal/terminaltest"
)

// What the dashboard and the command's terminal cost: `make bench-child` prints the figures of docs/dashboard.md and
// docs/child.md.

// benchTerminal is a terminal of 120x40 that reads and keeps nothing, as fast as it can.
func benchTerminal(b *testing.B, args ...string) *terminaltest.Terminal {
	x := inTerminal(b, 120, 40, args...)
	x.Blind()
	return x
}

// BenchmarkProcessor is how much of a processor the program takes while it serves 50 MB a second, and while that is
// paused: the dashboard at three sizes, and none.
func BenchmarkProcessor(b *testing.B) {
	peer(b, "qemu-img")
	for _, c := range []struct {
		name          string
		width, height int
		args          []string
	}{{"none", 80, 24, []string{"--ui=quiet"}}, {"80x24", 80, 24, nil}, {"120x40", 120, 40, nil}, {"200x60", 200, 60, nil}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				x := inTerminal(b, c.width, c.height, append(c.args, "--filter=rate", "null", "64G", "rate=400M", "--run", `qemu-img bench -c 1000000 -d 16 -s 64k -f raw "$nbd"`)...)
				if c.args == nil {
					x.Shows("[RUNNING]")
				}
				x.Blind()
				<-time.After(3 * time.Second) // the filter's first burst
				busy := processor(b, x.Cmd, 10*time.Second)
				b.ReportMetric(busy, "%-busy")
				if c.args == nil {
					x.Type("p")
					<-time.After(2 * time.Second)
					b.ReportMetric(processor(b, x.Cmd, 10*time.Second), "%-paused")
				}
				x.Cmd.Process.Signal(os.Interrupt)
				x.Wait()
			}
		})
	}
}

// processor is how much of one a process takes for a while, in percent.
func processor(b *testing.B, cmd *exec.Cmd, d time.Duration) float64 {
	const ticks = 100 // a second, on every Linux
	spent := func() (n float64) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil {
			b.Skip("only Linux tells")
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, field := range fields[11:13] { // of proc(5): the program's own time, and the kernel's for it
			t, err := strconv.ParseFloat(field, 64)
			if err != nil {
				b.Fatal(err)
			}
			n += t / ticks
		}
		return n
	}
	before := spent()
	<-time.After(d)
	return (spent() - before) / d.Seconds() * 100
}

// BenchmarkPauseToScreen is how long it takes from the key to the P, where nothing is in flight: the worst of 100.
func BenchmarkPauseToScreen(b *testing.B) {
	for b.Loop() {
		x := inTerminal(b, 120, 40, "memory", "1M", "--run", "read x")
		x.Shows("[LISTENING]")
		var worst time.Duration
		for range 100 {
			start := time.Now()
			x.Type("p")
			x.Shows("[P] PAUSED")
			worst = max(worst, time.Since(start))
			x.Type("r")
			x.Until("a session that goes on", func(s string) bool { return !strings.Contains(s, "PAUSED") })
		}
		b.ReportMetric(worst.Seconds()*1000, "ms-at-worst")
		x.Cmd.Process.Signal(os.Interrupt)
		x.Wait()
	}
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
				if code := x.Wait(); code != 0 {
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
				if code := x.Wait(); code != 0 {
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
					thaw = x.Freeze()
				}
				<-time.After(12 * time.Second) // what is measured is how much is done in it
				thaw()
				x.Wait()
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
// a minute, or as long as FLOOD says.
func BenchmarkMemoryOfAFlood(b *testing.B) {
	const soon = 5 * time.Second
	long := time.Minute
	if s := os.Getenv("FLOOD"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			b.Fatalf("FLOOD: %v", err)
		}
	}
	for b.Loop() {
		x := benchTerminal(b, "memory", "1M", "--run", "yes")
		<-time.After(soon)
		early := resident(b, x.Cmd)
		<-time.After(long - soon)
		late := resident(b, x.Cmd)
		x.Type("q")
		x.Type("s")
		x.Wait()
		b.ReportMetric(early, "MiB-after-"+soon.String())
		b.ReportMetric(late, "MiB-after-"+long.String())
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
