package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The main job: a real copy under the dashboard, paused in its middle, and whole at the end.
func TestACopyIsPausedAndResumed(t *testing.T) {
	for _, size := range []struct{ width, height int }{{80, 24}, {120, 40}} {
		t.Run(fmt.Sprintf("%dx%d", size.width, size.height), func(t *testing.T) {
			t.Parallel()
			peer(t, "qemu-img")
			source, out := image(t, 96), filepath.Join(t.TempDir(), "out")
			x := inTerminal(t, size.width, size.height, "--filter=rate", "file", source, "rate=150M",
				"--run", `qemu-img convert -p "$nbd" `+out)
			x.Shows("[RUNNING]")
			grown(t, out, 48<<20) // the rate filter's first burst is over
			x.Until("requests that sleep in the rate filter", func(s string) bool { return inFlightMany.MatchString(line1(s)) })
			x.Type("p")
			x.Shows("PAUSING")
			paused := x.Shows("[P] PAUSED")
			if !strings.Contains(compact(paused), "0infl") && !inFlightZero.MatchString(line1(paused)) {
				t.Errorf("paused, but the first line is %q", line1(paused))
			}
			still := stillness(t, out)
			before := totals(x.Text())
			x.Until("two seconds of pause", func(s string) bool { return pausedFor.MatchString(line1(s)) })
			if after := totals(x.Text()); before == "" || after != before {
				t.Errorf("the counters moved while paused: %q, then %q", before, after)
			}
			if !bytes.Equal(still, stillness(t, out)) {
				t.Error("the copy went on while paused")
			}
			x.Type("r")
			if code := x.Wait(); code != 0 {
				t.Errorf("exit status %d", code)
			}
			same(t, source, out)
			x.Sane()
			if s := x.Text(); !strings.Contains(s, "100.00/100%") {
				t.Errorf("the child's last lines are not on the screen:\n%s", s)
			}
		})
	}
}

var (
	inFlightZero = regexp.MustCompile(`(in flight|fl) +0\b`)
	inFlightMany = regexp.MustCompile(`(in flight|fl) +([4-9]|\d\d)\b`)
	pausedFor    = regexp.MustCompile(`\[P\] PAUSED 00:0[2-9]`)
	readTotal    = regexp.MustCompile(`(?m)\bread +\d[\d.,]* .*$`)
)

func compact(s string) string { return strings.ReplaceAll(s, " ", "") }

// totals are the rows that count what was read, from there on: a chart that moves may stand before. Requests in hand are none: how
// long they are held is a clock.
func totals(screen string) string { return strings.Join(readTotal.FindAllString(screen, -1), "\n") }

// Resuming before the drain is over cancels it: no P is ever shown.
func TestResumeCancelsADrain(t *testing.T) {
	peer(t, "qemu-img")
	source, out := image(t, 32), filepath.Join(t.TempDir(), "out")
	x := inTerminal(t, 120, 40, "--filter=rate", "file", source, "rate=60M", "--run", `qemu-img convert -p "$nbd" `+out)
	grown(t, out, 12<<20) // what the rate lets pass at once; the others sleep for two seconds, in any order
	x.Type("p")
	x.Shows("PAUSING")
	x.Type("r")
	x.Shows("pause cancelled")
	if code := x.Wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if strings.Contains(x.Output(), "[P]") {
		t.Error("a P was shown, though the drain was cancelled")
	}
	same(t, source, out)
}

func TestTheDashboardEndsWithTheCommandsStatus(t *testing.T) {
	for _, c := range []struct {
		run  string
		code int
		says string
	}{
		{"echo well; exit 0", 0, "well"},
		{"echo badly; exit 3", 3, "badly"},
		{"kill -9 $$", 137, "killed by signal 9"},
		{"nosuchcommand", 127, "not found"},
		{"true", 0, ""},
	} {
		x := inTerminal(t, 80, 24, "memory", "1M", "--run", c.run)
		if code := x.Wait(); code != c.code {
			t.Errorf("%q: exit status %d, want %d", c.run, code, c.code)
		}
		x.Sane()
		if s := x.Text(); !strings.Contains(s, c.says) {
			t.Errorf("%q: the screen does not say %q:\n%s", c.run, c.says, s)
		}
	}
}

// All that is kept of a failed command's output is printed, and the last lines of one that went well.
func TestTheCommandsOutputIsPrintedAtTheEnd(t *testing.T) {
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", "seq 100 199; exit 1")
	x.Wait()
	x.Sane()
	after := x.Output()[strings.LastIndex(x.Output(), "\x1b[?1049l"):]
	for _, want := range []string{"100", "150", "199"} {
		if !strings.Contains(after, want) {
			t.Errorf("the failed command's %s is lost", want)
		}
	}
	x = inTerminal(t, 80, 24, "memory", "1M", "--run", "seq 100 199")
	x.Wait()
	x.Sane()
	after = x.Output()[strings.LastIndex(x.Output(), "\x1b[?1049l"):]
	if !strings.Contains(after, "199") || strings.Contains(after, "150") {
		t.Errorf("not the last lines of a command that went well: %q", after)
	}
}

func TestTheCommandHasATerminalOfThePanelsSize(t *testing.T) {
	x := inTerminal(t, 120, 40, "memory", "1M", "--run", `trap 'stty size; exit 0' WINCH; stty size; tty; read x`)
	first := regexp.MustCompile(`(?m)(\d+) (\d+)`)
	x.Shows("/dev/pts/")
	if !first.MatchString(x.Text()) {
		t.Errorf("no size on the screen:\n%s", x.Text())
	}
	x.Resize(90, 30)
	if code := x.Wait(); code != 0 {
		t.Errorf("exit status %d: the command was not told of the new size", code)
	}
}
