package main

import (
	"path/filepath"
	"testing"
)

// ^C on a terminal without a dashboard reaches the command and us, as its own line would; what it makes of it is the
// status.
func TestInterruptWithoutADashboard(t *testing.T) {
	for run, want := range map[string]int{
		`trap 'echo its end; exit 5' INT; `: 5,
		``:                                  128 + 2,
		`trap '' INT; trap 'exit 6' TERM; `: 6, // it is asked in another way, a little later
	} {
		file := filepath.Join(t.TempDir(), "pids")
		x := inTerminal(t, 80, 24, "--ui=quiet", "memory", "1M", "--run", run+lasting(file))
		list := pids(t, file, 2)
		x.Type("\x03")
		if code := x.Wait(); code != want {
			t.Errorf("%q: exit status %d, want %d", run, code, want)
		}
		gone(t, "the shell", list[0])
		gone(t, "its program", list[1])
		x.Sane()
	}
}
