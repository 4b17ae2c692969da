package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come. It is long: a slow machine is no failure.
const patience = 60 * time.Second

// terminal is the real program in a real terminal, whose screen an emulator keeps.
type terminal struct {
	t      testing.TB
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File // held open, so that the terminal's settings can be read after the program's end
	before unix.Termios

	mu       sync.Mutex
	frozen   chan struct{} // while not nil nobody reads what the program writes
	blind    bool          // what it writes is read, and no screen kept
	screen   *vt.Emulator
	raw      bytes.Buffer // all that the program wrote
	changed  chan struct{}
	drained  chan struct{}
	answered chan struct{}
	exited   chan struct{}
}

// inTerminal starts the program on a terminal of width x height cells.
func inTerminal(t testing.TB, width, height int, args ...string) *terminal {
	t.Helper()
	return inTerminalWith(t, []string{"TMPDIR=" + tempDir(t)}, width, height, args...)
}

// inTerminalWith also adds to the environment.
func inTerminalWith(t testing.TB, env []string, width, height int, args ...string) *terminal {
	t.Helper()
	return onTerminalOf(t, env, width, height, exec.Command(program, args...))
}

// onTerminalOf starts any command so.
func onTerminalOf(t testing.TB, env []string, width, height int, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		t.Fatal(err)
	}
	x := &terminal{
		t: t, master: master, slave: slave, screen: vt.NewEmulator(width, height),
		changed: make(chan struct{}, 1), drained: make(chan struct{}), answered: make(chan struct{}), exited: make(chan struct{}),
	}
	x.before = x.settings()
	x.cmd = cmd
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = slave, slave, slave
	x.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "NO_COLOR=")
	x.cmd.Env = append(x.cmd.Env, env...)
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go x.answer()
	go x.read()
	go func() { x.cmd.Wait(); close(x.exited) }()
	t.Cleanup(x.end)
	return x
}

// end stops whatever is left, and waits for the goroutines.
func (x *terminal) end() {
	x.cmd.Process.Kill()
	<-x.exited
	x.slave.Close()
	<-x.drained
	x.master.Close()
	x.screen.InputPipe().(io.Closer).Close() // the emulator's own Close is not for concurrent use
	<-x.answered
}

// read feeds the emulator until nobody has the terminal open any more.
func (x *terminal) read() {
	defer close(x.drained)
	buf := make([]byte, 32<<10)
	for {
		x.mu.Lock()
		frozen := x.frozen
		x.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		n, err := x.master.Read(buf)
		x.mu.Lock()
		if !x.blind {
			x.raw.Write(buf[:n])
			x.screen.Write(buf[:n])
		}
		x.mu.Unlock()
		select {
		case x.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// answer passes the emulator's replies on, as a terminal does.
func (x *terminal) answer() {
	defer close(x.answered)
	io.Copy(x.master, x.screen) // ends with the emulator
}

// freeze makes a terminal that takes nothing, until thaw.
func (x *terminal) freeze() (thaw func()) {
	frozen := make(chan struct{})
	x.mu.Lock()
	defer x.mu.Unlock()
	x.frozen = frozen
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.frozen = nil
		close(frozen)
	}
}

// text is the screen, without colours.
func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// output is all that the program wrote.
func (x *terminal) output() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.String()
}

// keys types.
func (x *terminal) keys(s string) {
	x.t.Helper()
	if _, err := x.master.WriteString(s); err != nil {
		x.t.Fatal(err)
	}
}

// until waits for a screen that ok accepts, and returns it.
func (x *terminal) until(what string, ok func(screen string) bool) string {
	x.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		if s := x.text(); ok(s) {
			return s
		}
		select {
		case <-x.changed:
		case <-x.drained:
			if s := x.text(); ok(s) {
				return s
			}
			x.t.Fatalf("the terminal was closed before it showed %s; it shows:\n%s", what, x.text())
		case <-deadline.C:
			x.t.Fatalf("the screen never showed %s; it shows:\n%s", what, x.text())
		}
	}
}

// shows waits until the screen holds a text.
func (x *terminal) shows(text string) string {
	x.t.Helper()
	return x.until(text, func(s string) bool { return strings.Contains(s, text) })
}

// line is the screen's row that holds text.
func line1(screen string) string { row, _, _ := strings.Cut(screen, "\n"); return row }

// wait waits for the program's end and returns its exit status, 128 and the signal where one killed it.
func (x *terminal) wait() int {
	x.t.Helper()
	select {
	case <-x.exited:
	case <-time.After(patience):
		x.t.Fatal("the program did not end")
	}
	return status(x.cmd)
}

func status(cmd *exec.Cmd) int { return shellStatus(cmd.ProcessState) }

// shellStatus is how a process ended, as a shell tells it.
func shellStatus(p *os.ProcessState) int {
	w := p.Sys().(syscall.WaitStatus)
	if w.Signaled() {
		return 128 + int(w.Signal())
	}
	return w.ExitStatus()
}

// settings are the terminal's.
func (x *terminal) settings() unix.Termios {
	x.t.Helper()
	s, err := unix.IoctlGetTermios(int(x.slave.Fd()), getTermios)
	if err != nil {
		x.t.Fatal(err)
	}
	return *s
}

// guardGone waits until no process of the program has the terminal open: the guard, which restores it where the
// first process could not, is the last one.
func (x *terminal) guardGone() {
	x.t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		if holders := x.holders(); holders == 0 {
			return
		}
		if time.Now().After(deadline) {
			x.t.Fatal("a process still has the terminal open")
		}
	}
}

// holders counts the other processes that have the terminal open.
func (x *terminal) holders() (n int) {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == x.slave.Name() &&
			!strings.HasPrefix(fd, fmt.Sprintf("/proc/%d/", os.Getpid())) {
			n++
		}
	}
	return n
}

// sane checks that the terminal is as it was before the program had it.
func (x *terminal) sane() {
	x.t.Helper()
	if after := x.settings(); after != x.before {
		x.t.Errorf("the terminal's settings changed:\nbefore %+v\nafter  %+v", x.before, after)
	}
	x.slave.Close() // all is written by now: let the reader come to the end
	<-x.drained
	out := x.output()
	for on, off := range map[string]string{
		"\x1b[?1049h": "\x1b[?1049l", // alternate screen
		"\x1b[?25l":   "\x1b[?25h",   // cursor
		"\x1b[?2004h": "\x1b[?2004l", // bracketed paste
		"\x1b[?2026h": "\x1b[?2026l", // synchronised output
		"\x1b[?1000h": "\x1b[?1000l", // the mouse
		"\x1b[?1002h": "\x1b[?1002l",
		"\x1b[?1006h": "\x1b[?1006l",
	} {
		if strings.LastIndex(out, on) > strings.LastIndex(out, off) {
			x.t.Errorf("the program left %q on", on)
		}
	}
}

// resize changes the terminal's size; the kernel tells the program.
func (x *terminal) resize(width, height int) {
	x.t.Helper()
	x.mu.Lock()
	x.screen.Resize(width, height)
	x.mu.Unlock()
	if err := pty.Setsize(x.master, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		x.t.Fatal(err)
	}
}
