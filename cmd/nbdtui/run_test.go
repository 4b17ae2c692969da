package main

import (
	"os/exec"
	"strings"
	"testing"

	"example.com/nbdtui/internal/terminaltest"
)

// makeRun is what a newcomer types, on a terminal.
func makeRun(t *testing.T, args ...string) *terminaltest.Terminal {
	t.Helper()
	peer(t, "make", "qemu-img")
	cmd := exec.Command("make", append([]string{"run"}, args...)...)
	cmd.Dir = "../.."
	return onTerminalOf(t, []string{"TMPDIR=" + tempDir(t)}, 120, 40, cmd)
}

func TestMakeRunCopiesANamedImage(t *testing.T) {
	x := makeRun(t, "IMAGE="+image(t, 16))
	if code := x.Wait(); code != 0 {
		t.Errorf("status %d", code)
	}
	x.Sane()
	if s := x.Text(); !strings.Contains(s, "100.00/100%") || !strings.Contains(s, "exited 0") {
		t.Errorf("the screen at the end:\n%s", s)
	}
}

// Without an image it makes one, and takes it away again, also when it is ended in the middle.
func TestMakeRunMakesAnImage(t *testing.T) {
	x := makeRun(t)
	x.Shows("[RUNNING]")
	x.Shows("1.0 GiB")
	x.Type("q")
	x.Shows("[s]top all")
	x.Type("s")
	if code := x.Wait(); code == 0 {
		t.Error("a copy that was ended in the middle is a success")
	}
	x.Sane()
}
