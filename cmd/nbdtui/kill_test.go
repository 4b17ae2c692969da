package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/nbdtui/internal/terminaltest"
)

// gone waits until no process has the pid.
func gone(t *testing.T, what string, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); alive(pid); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s, pid %d, is still there", what, pid)
		}
	}
}

// alive reports whether a process has the pid; a zombie that its new parent has not reaped yet is none.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false
	}
	_, state, ok := bytes.Cut(b, []byte(") "))
	return !ok || state[0] != 'Z' && state[0] != 'X'
}

// pids waits for a file into which a command wrote process ids, one a line.
func pids(t *testing.T, path string, n int) []int {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		b, _ := os.ReadFile(path)
		if rows := strings.Fields(string(b)); len(rows) == n && strings.HasSuffix(string(b), "\n") {
			list := make([]int, n)
			for i := range rows {
				list[i], _ = strconv.Atoi(rows[i])
			}
			return list
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never held %d pids", path, n)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// A command of two processes that would run for long, and say who they are.
func lasting(file string) string {
	return fmt.Sprintf(`sleep 600 & echo $$ > %[1]s.new; echo $! >> %[1]s.new; mv %[1]s.new %[1]s; wait`, file)
}

func TestKillsOnATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		how  func(x *terminaltest.Terminal)
		code int // of nbdtui; -1 for any
	}{
		"TERM": {func(x *terminaltest.Terminal) { x.Cmd.Process.Signal(syscall.SIGTERM) }, -1},
		"HUP":  {func(x *terminaltest.Terminal) { x.Cmd.Process.Signal(syscall.SIGHUP) }, -1},
		"KILL": {func(x *terminaltest.Terminal) { x.Cmd.Process.Kill() }, 128 + 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pids")
			temp := tempDir(t)
			x := inTerminalWith(t, []string{"TMPDIR=" + temp}, 80, 24, "memory", "1M", "--run", lasting(file))
			list := pids(t, file, 2)
			x.Shows("RUNNING")
			c.how(x)
			code := x.Wait()
			if c.code >= 0 && code != c.code {
				t.Errorf("exit status %d, want %d", code, c.code)
			}
			gone(t, "the shell", list[0])
			gone(t, "the shell's program", list[1])
			guardGone(t, x)
			x.Sane()
			if left, _ := os.ReadDir(temp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestClosingTheTerminalEndsEverything(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	temp := tempDir(t)
	x := inTerminalWith(t, []string{"TMPDIR=" + temp}, 80, 24, "memory", "1M", "--run", lasting(file))
	list := pids(t, file, 2)
	x.HangUp()
	x.Wait()
	gone(t, "the shell", list[0])
	gone(t, "the shell's program", list[1])
}

func TestTheChildKilledEndsTheSession(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", lasting(file))
	list := pids(t, file, 2)
	syscall.Kill(list[0], syscall.SIGKILL)
	if code := x.Wait(); code != 137 {
		t.Errorf("exit status %d, want 137", code)
	}
	gone(t, "the shell's program", list[1])
	x.Sane()
}

// Killed outright off a terminal: the shell ends with us, qemu-img when its connection breaks, and the next start
// replaces the dead socket.
func TestKilledOffATerminal(t *testing.T) {
	peer(t, "qemu-img")
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "pids"), filepath.Join(dir, "s")
	args := []string{"--filter=rate", "file", image(t, 32), "rate=8M", "-U", socket, "--run",
		fmt.Sprintf(`qemu-img convert "$nbd" %[2]s/out & echo $$ > %[1]s.new; echo $! >> %[1]s.new; mv %[1]s.new %[1]s; wait; true`, file, dir)}
	cmd, _, _ := command(t, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	list := pids(t, file, 2)
	grown(t, filepath.Join(dir, "out"), 0)
	cmd.Process.Kill()
	cmd.Wait()
	gone(t, "the shell", list[0])
	gone(t, "qemu-img", list[1])
	if _, err := os.Lstat(socket); err != nil {
		t.Fatalf("this test expects a dead socket: %v", err)
	}
	if r := quiet(t, "memory", "1M", "-U", socket, "--run", `nbdinfo --size "$nbd"`); r.code != 0 || r.stdout != "1048576\n" {
		t.Errorf("the next start: %+v", r)
	}
}

// What a command writes and flushes on its way out reaches the disk, also when the session was paused.
func TestTheCommandMayFinishThroughUs(t *testing.T) {
	peer(t, "qemu-io")
	for _, paused := range []bool{false, true} {
		t.Run(fmt.Sprintf("paused=%v", paused), func(t *testing.T) {
			dir := t.TempDir()
			disk, ready := filepath.Join(dir, "disk"), filepath.Join(dir, "ready")
			if err := os.WriteFile(disk, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(disk, 100<<20); err != nil {
				t.Fatal(err)
			}
			control := filepath.Join(dir, "c")
			cmd, stdout, stderr := command(t, "--filter=pause", "file", disk, "pause-control="+control, "--grace=50s", "--run",
				`trap 'qemu-io -f raw -c "write -P 0xa5 0 100M" -c flush "$nbd" >/dev/null && echo done; exit 0' TERM; touch `+
					ready+`; while :; do sleep 0.05; done`)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			c := dial(t, control)
			defer c.Close()
			for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
				if _, err := os.Stat(ready); err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("the command never got ready")
				}
			}
			if paused && ask(t, c, "p", 1) != "P" {
				t.Fatal("not paused")
			}
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
			if status(cmd) != 0 || stdout.String() != "done\n" {
				t.Errorf("status %d, stdout %q, stderr %q", status(cmd), stdout, stderr)
			}
			b, err := os.ReadFile(disk)
			if err != nil || len(b) != 100<<20 || len(bytes.Trim(b, "\xa5")) != 0 {
				t.Errorf("not every byte is on the disk: %d bytes, %v", len(b), err)
			}
		})
	}
}

// What the Go runtime says when it ends the program goes to a file, which the error line names, and never to the screen.
func TestACrashIsReportedInAFile(t *testing.T) {
	temp := t.TempDir()
	file := filepath.Join(temp, "pids")
	x := inTerminalWith(t, []string{"TMPDIR=" + temp}, 80, 24, "memory", "1M", "--run", lasting(file))
	list := pids(t, file, 2)
	x.Shows("RUNNING")
	x.Cmd.Process.Signal(syscall.SIGABRT)
	if code := x.Wait(); code == 0 {
		t.Error("a crash is a success")
	}
	gone(t, "the shell", list[0])
	gone(t, "the shell's program", list[1])
	guardGone(t, x)
	x.Sane()
	if out := x.Output(); !strings.Contains(out, "nbdtui: error: internal error; the report is in ") || strings.Contains(out, "goroutine ") {
		t.Errorf("the screen:\n%s", x.Text())
	}
	reports, _ := filepath.Glob(filepath.Join(temp, "nbdtui-crash-*.txt"))
	if len(reports) != 1 {
		t.Fatalf("reports: %v", reports)
	}
	if b, err := os.ReadFile(reports[0]); err != nil || !bytes.Contains(b, []byte("SIGABRT")) {
		t.Errorf("the report: %q, %v", b, err)
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "nbdtui-*", "socket")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The guard's pipe closes before the first process has let go of its directories.
func TestTheGuardSweepsWhenTheFirstProcessHasGone(t *testing.T) {
	temp, file := tempDir(t), filepath.Join(t.TempDir(), "orders")
	first := exec.Command("/bin/sh", "-c", `mkdir $TMPDIR/nbdtui.held; exec 9<$TMPDIR/nbdtui.held; flock 9
echo "{\"Pid\": $$, \"Crash\": \"$TMPDIR/crash\"}" >$1
NBDTUI_GUARD=1 "$0" <$1 9<&- &
exec >&-; read end`, program, file)
	first.Env = append(os.Environ(), "TMPDIR="+temp)
	end, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for said.Scan() && said.Text() != "nbdtui: error: killed" {
	}
	over := make(chan struct{})
	go func() { // ends with the guard
		defer close(over)
		for said.Scan() {
		}
	}()
	select {
	case <-over:
		t.Error("the guard did not wait for the first process")
	case <-time.After(200 * time.Millisecond):
	}
	end.Close()
	<-over // tempDir looks for what is left
	first.Wait()
}
