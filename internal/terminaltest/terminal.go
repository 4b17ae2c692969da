// Package terminaltest is a terminal for tests: a real one of the kernel's, whose screen an emulator keeps and whose
// keyboard the test has. What is tested has the other end: a program that Start starts, or whatever takes Tty.
package terminaltest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// Patience is how long a test waits for what must come. It is long: a slow machine is no failure.
const Patience = 60 * time.Second

// T is what a Terminal needs of a test.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Terminal is one. It ends with its test, and whatever still runs on it then is killed. Its methods, but for those that
// wait or check, may be called concurrently.
type Terminal struct {
	Tty *os.File  // the program's end. It stays open, so that the settings can be read after the program's end
	Cmd *exec.Cmd // the program; nil where there is none

	t      T
	master *os.File
	before *term.State

	mu       sync.Mutex
	frozen   chan struct{} // while not nil nobody reads what is written
	blind    bool
	screen   *vt.Emulator
	raw      bytes.Buffer
	changed  chan struct{}
	drained  chan struct{} // nobody has Tty any more, and all that was written has been read
	answered chan struct{}
	exited   chan struct{}
}

// Open makes a terminal of w x h cells.
func Open(t T, w, h int) *Terminal {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	x := &Terminal{
		Tty: tty, t: t, master: master, screen: vt.NewEmulator(w, h),
		changed: make(chan struct{}, 1), drained: make(chan struct{}), answered: make(chan struct{}), exited: make(chan struct{}),
	}
	x.Resize(w, h)
	x.before = x.settings()
	go x.read()
	go x.answer()
	t.Cleanup(x.end)
	return x
}

// Start starts a command on a terminal of its own, of w x h cells.
func Start(t T, w, h int, cmd *exec.Cmd) *Terminal {
	t.Helper()
	x := Open(t, w, h)
	x.Cmd = cmd
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.Tty, x.Tty, x.Tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		x.Cmd = nil
		t.Fatalf("start %v: %v", cmd.Args, err)
	}
	go func() { cmd.Wait(); close(x.exited) }()
	return x
}

// end stops whatever is left, and waits for the goroutines.
func (x *Terminal) end() {
	x.thaw()
	x.Tty.Close()
	if x.Cmd != nil {
		x.Cmd.Process.Kill()
		<-x.exited
		select { // what the program has left on the terminal may have something to do yet
		case <-x.drained:
		case <-time.After(Patience):
			x.t.Errorf("a process still has the terminal open")
		}
	}
	x.master.Close()
	<-x.drained
	x.screen.InputPipe().(io.Closer).Close() // the emulator's own Close is not for concurrent use
	<-x.answered
}

// read feeds the emulator.
func (x *Terminal) read() {
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
func (x *Terminal) answer() {
	defer close(x.answered)
	io.Copy(x.master, x.screen) // ends with the emulator
}

// Freeze makes a terminal that takes nothing, until thaw.
func (x *Terminal) Freeze() (thaw func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.frozen = make(chan struct{})
	return x.thaw
}

func (x *Terminal) thaw() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.frozen != nil {
		close(x.frozen)
		x.frozen = nil
	}
}

// Blind makes a terminal that takes everything and keeps nothing, as fast as it can.
func (x *Terminal) Blind() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.blind = true
}

// Look shows the emulator, which is not to be kept.
func (x *Terminal) Look(at func(screen *vt.Emulator)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at(x.screen)
}

// Text is the screen, without colours.
func (x *Terminal) Text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// Output is all that was written.
func (x *Terminal) Output() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.String()
}

// Type presses keys: the bytes that a terminal sends for them.
func (x *Terminal) Type(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatalf("type %q: %v", keys, err)
	}
}

// Until waits for a screen that ok accepts, and returns it. It looks whenever the screen changes, and now and then: ok may
// be about something else.
func (x *Terminal) Until(what string, ok func(screen string) bool) string {
	x.t.Helper()
	late := time.After(Patience)
	for {
		s := x.Text()
		if ok(s) {
			return s
		}
		select {
		case <-x.changed:
		case <-time.After(10 * time.Millisecond):
		case <-x.drained:
			if s := x.Text(); ok(s) {
				return s
			}
			x.t.Fatalf("the terminal was closed before there was %s; it shows:\n%s", what, x.Text())
		case <-late:
			x.t.Fatalf("there never was %s; the screen shows:\n%s", what, s)
		}
	}
}

// Shows waits until the screen holds a text, and returns it.
func (x *Terminal) Shows(text string) string {
	x.t.Helper()
	return x.Until(text, func(s string) bool { return strings.Contains(s, text) })
}

// Resize changes the terminal's size. The kernel tells the program.
func (x *Terminal) Resize(w, h int) {
	x.t.Helper()
	x.Look(func(screen *vt.Emulator) { screen.Resize(w, h) })
	if err := pty.Setsize(x.master, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)}); err != nil {
		x.t.Fatalf("resize the terminal: %v", err)
	}
}

// HangUp takes the terminal away, as when its window is closed.
func (x *Terminal) HangUp() { x.master.Close() }

// Wait waits for the program's end, and returns its Status.
func (x *Terminal) Wait() int {
	x.t.Helper()
	select {
	case <-x.exited:
	case <-time.After(Patience):
		x.t.Fatalf("the program did not end")
	}
	return Status(x.Cmd.ProcessState)
}

// Status is how a process ended, as a shell tells it: its exit status, 128 and the signal where one killed it.
func Status(p *os.ProcessState) int {
	w := p.Sys().(syscall.WaitStatus)
	if w.Signaled() {
		return 128 + int(w.Signal())
	}
	return w.ExitStatus()
}

func (x *Terminal) settings() *term.State {
	x.t.Helper()
	s, err := term.GetState(x.Tty.Fd())
	if err != nil {
		x.t.Fatalf("read the terminal's settings: %v", err)
	}
	return s
}

// Sane checks that the terminal is as it was before anybody had it, and closes it: what was written can still be looked
// at.
func (x *Terminal) Sane() {
	x.t.Helper()
	if after := x.settings(); *after != *x.before {
		x.t.Errorf("the terminal's settings changed:\nbefore %+v\nafter  %+v", *x.before, *after)
	}
	x.Tty.Close() // all is written by now: the reader comes to the end
	<-x.drained
	out := x.Output()
	for mode, usual := range map[string]string{
		"?1049": "l", // alternate screen
		"?25":   "h", // cursor
		"?1":    "l", // application cursor keys
		"?2004": "l", // bracketed paste
		"?2026": "l", // synchronised output
		"?1000": "l", // the mouse
		"?1002": "l",
		"?1003": "l",
		"?1006": "l",
	} {
		other := map[string]string{"l": "h", "h": "l"}[usual]
		if strings.LastIndex(out, "\x1b["+mode+other) > strings.LastIndex(out, "\x1b["+mode+usual) {
			x.t.Errorf("mode %s is left at %s", mode, other)
		}
	}
}
