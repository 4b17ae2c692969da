package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/nbdtui/internal/terminaltest"
)

const patience = terminaltest.Patience

// inTerminal starts the program on a terminal of width x height cells.
func inTerminal(t testing.TB, width, height int, args ...string) *terminaltest.Terminal {
	t.Helper()
	return inTerminalWith(t, []string{"TMPDIR=" + tempDir(t)}, width, height, args...)
}

// inTerminalWith also adds to the environment.
func inTerminalWith(t testing.TB, env []string, width, height int, args ...string) *terminaltest.Terminal {
	t.Helper()
	return onTerminalOf(t, env, width, height, exec.Command(program, args...))
}

// onTerminalOf starts any command so.
func onTerminalOf(t testing.TB, env []string, width, height int, cmd *exec.Cmd) *terminaltest.Terminal {
	t.Helper()
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "NO_COLOR=")
	cmd.Env = append(cmd.Env, env...)
	return terminaltest.Start(t, width, height, cmd)
}

// line1 is the screen's first row.
func line1(screen string) string { row, _, _ := strings.Cut(screen, "\n"); return row }

func status(cmd *exec.Cmd) int { return terminaltest.Status(cmd.ProcessState) }

// guardGone waits until no process of the program has the terminal open: the guard, which restores it where the
// first process could not, is the last one.
func guardGone(t *testing.T, x *terminaltest.Terminal) {
	t.Helper()
	for deadline := time.Now().Add(patience); holders(x.Tty.Name()) > 0; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a process still has the terminal open")
		}
	}
}

// holders counts the other processes that have a file open.
func holders(path string) (n int) {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == path && !strings.HasPrefix(fd, fmt.Sprintf("/proc/%d/", os.Getpid())) {
			n++
		}
	}
	return n
}
