package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

const deadline = 20 * time.Second

// console is a real terminal with a dashboard on it, and an emulator for a screen.
type console struct {
	t             *testing.T
	master, slave *os.File
	before        *term.State
	result        chan error // of Run

	mu      sync.Mutex
	screen  *vt.Emulator
	raw     bytes.Buffer
	frozen  chan struct{} // while not nil nobody reads what the dashboard writes
	changed chan struct{}
	read    sync.WaitGroup
}

func open(t *testing.T, s Session, z size, opts ...Options) *console {
	t.Helper()
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Setenv("NO_COLOR", "")
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	x := &console{
		t: t, master: master, slave: slave, result: make(chan error, 1),
		screen: vt.NewEmulator(z.w, z.h), changed: make(chan struct{}, 1),
	}
	x.size(z)
	if x.before, err = term.GetState(slave.Fd()); err != nil {
		t.Fatal(err)
	}
	x.read.Go(x.show)
	x.read.Go(func() { io.Copy(io.Discard, x.screen) }) // its answers
	go func() { x.result <- Run(s, slave, slave, append(opts, Options{})[0]) }()
	t.Cleanup(x.close)
	return x
}

func (x *console) close() {
	x.slave.Close()
	x.master.Close()
	x.screen.InputPipe().(io.Closer).Close()
	x.read.Wait()
	if x.t.Failed() {
		x.t.Logf("the screen at the end:\n%s", x.text())
	}
}

func (x *console) size(z size) {
	x.t.Helper()
	if err := pty.Setsize(x.master, &pty.Winsize{Cols: uint16(z.w), Rows: uint16(z.h)}); err != nil {
		x.t.Fatal(err)
	}
}

func (x *console) show() {
	buf := make([]byte, 4096)
	for {
		x.mu.Lock()
		frozen := x.frozen
		x.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		n, err := x.master.Read(buf)
		x.mu.Lock()
		x.screen.Write(buf[:n])
		x.raw.Write(buf[:n])
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

// freeze stops reading what the dashboard writes; thaw goes on.
func (x *console) freeze() (thaw func()) {
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

func (x *console) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

func (x *console) output() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.String()
}

func (x *console) keys(s string) {
	x.t.Helper()
	if _, err := x.master.WriteString(s); err != nil {
		x.t.Fatal(err)
	}
}

// until waits for something: it looks whenever the screen changes, and now and then.
func (x *console) until(what string, ok func() bool) {
	x.t.Helper()
	late := time.After(deadline)
	for !ok() {
		select {
		case <-x.changed:
		case <-time.After(10 * time.Millisecond):
		case <-late:
			x.t.Fatalf("never %s", what)
		}
	}
}

func (x *console) shows(text string) {
	x.t.Helper()
	x.until("showed "+text, func() bool { return strings.Contains(x.text(), text) })
}

// ends waits for Run and checks that the terminal is as it was.
func (x *console) ends() error {
	x.t.Helper()
	select {
	case err := <-x.result:
		if after, e := term.GetState(x.slave.Fd()); e == nil && fmt.Sprint(*after) != fmt.Sprint(*x.before) {
			x.t.Errorf("the terminal's settings changed: %v, then %v", *x.before, *after)
		}
		return err
	case <-time.After(deadline):
		x.t.Fatal("the dashboard did not end")
		return nil
	}
}

// sane checks that what was turned on is off again, once all of it has been read.
func (x *console) sane() {
	x.t.Helper()
	x.until("left the alternate screen", func() bool { return strings.Contains(x.output(), "\x1b[?1049l") })
	for _, mode := range []string{"1049", "2004", "2026", "1", "1000", "1002", "1003", "1006"} {
		if out := x.output(); strings.LastIndex(out, "\x1b[?"+mode+"h") > strings.LastIndex(out, "\x1b[?"+mode+"l") {
			x.t.Errorf("mode %s is left on", mode)
		}
	}
	if out := x.output(); strings.LastIndex(out, "\x1b[?25l") > strings.LastIndex(out, "\x1b[?25h") {
		x.t.Error("the cursor is left hidden")
	}
}

func TestTheDashboardOnATerminal(t *testing.T) {
	f := newFake(running51())
	f.screen = qemuScreen(size{80, 24})
	x := open(t, f, size{80, 24})
	x.shows("[RUNNING]")
	x.shows("(43.08/100%)")
	x.keys("pr") // arrives as one
	x.keys("\x1b[B")
	x.keys("D")
	x.shows("Disconnect #2, 1 request lost? [d]isconnect  [c]ancel")
	x.keys("\r?")
	x.shows("any key closes")
	x.keys(" ")
	x.shows("? help  q quit")
	x.keys("\x1b[200~q\r s\x1b[201~") // a paste is no command
	f.set(func(s *session.Snapshot, _ *captive.Screen) { *s = pausedFor(12 * time.Second) })
	x.shows("[P] PAUSED 00:12")
	x.keys("\x1a\x1b") // ^Z and Esc
	x.keys("q")
	x.shows("Quit: child running, 2 clients. [s]top all  [c]ancel")
	x.keys("s")
	x.shows("? help  q quit")
	if got := strings.Join(f.took(), ","); got != "resize 78x9,pause,resume,shutdown" {
		t.Errorf("the session was asked for %q", got)
	}
	close(f.done)
	if err := x.ends(); err != nil {
		t.Error(err)
	}
	x.sane()
}

func TestKeysPassToTheChildByteByByte(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{120, 40})
	x.shows("[RUNNING]")
	x.keys("\x01")
	x.shows("^A back")
	all := "plain é 中文 \U0001f600\x03\x1a\x04\x1b\x1bOP\x1b[11~\x1b[1;5D\x1b[3;2~\x7f\t\r\n\xff\xfe" +
		"\x1b[200~" + strings.Repeat("pasted text, ünïcode\r", 100) + "\x1b[201~"
	x.keys(all)
	x.until("typed it all", func() bool { f.tell(); f.mu.Lock(); defer f.mu.Unlock(); return len(f.typed) >= len(all) })
	if string(f.typed) != all {
		t.Errorf("the child got %q\nwant %q", f.typed, all)
	}
	// The terminal takes the child's modes, and the cursor the child's place.
	f.set(func(_ *session.Snapshot, c *captive.Screen) {
		*c = captive.Screen{Width: 80, Height: 24, Lines: []string{"$ "}, CursorX: 2, CursorShown: true, AppCursor: true, Version: 7}
	})
	x.until("took the child's modes", func() bool {
		out := x.output()
		return strings.LastIndex(out, "\x1b[?2004l") > strings.LastIndex(out, "\x1b[?2004h") && strings.Contains(out, "\x1b[?1h")
	})
	x.until("placed the cursor", func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		at := x.screen.CursorPosition()
		return at.X == 3 && at.Y == 18 && x.screen.CellAt(1, 18).Content == "$"
	})
	x.keys("\x01")
	x.shows("^A child")
	x.until("marks pastes again", func() bool {
		out := x.output()
		return strings.LastIndex(out, "\x1b[?2004h") > strings.LastIndex(out, "\x1b[?2004l")
	})
	if got := f.took(); len(got) != 1 {
		t.Errorf("the child's keys asked the session for %q", got)
	}
	close(f.done)
	x.ends()
	x.sane()
}

func TestResizing(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{80, 24})
	x.shows("[RUNNING]")
	for _, z := range []size{{120, 40}, {40, 8}, {20, 3}, {10, 2}, {100, 30}} {
		x.mu.Lock()
		x.screen.Resize(z.w, z.h)
		x.mu.Unlock()
		x.size(z)
		syscall.Kill(os.Getpid(), syscall.SIGWINCH) // a terminal sends it to the programs that it controls
		w, h := childSize(z, shapeOf(&f.snapshot, &view{}))
		want := fmt.Sprintf("resize %dx%d", w, h)
		x.until(want, func() bool { f.tell(); return slices.Contains(f.took(), want) })
		x.until("redrew", func() bool {
			return strings.HasPrefix(x.text(), "[RUNNING]") && (z.h < 3 || strings.Contains(x.text(), "q quit"))
		})
	}
	close(f.done)
	x.ends()
}

// A terminal that takes nothing stops nobody, and shows the present when it takes something again.
func TestAFrozenTerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{200, 60})
	x.shows("[RUNNING]")
	thaw := x.freeze()
	fill := func(i int) {
		f.set(func(s *session.Snapshot, c *captive.Screen) {
			s.InFlight = i
			c.Lines = make([]string, 40)
			for y := range c.Lines {
				c.Lines[y] = strings.Repeat(fmt.Sprintf("%d %d ", i, y), 12)
			}
		})
	}
	for i := range 100 { // far more than a pty holds
		f.mu.Lock()
		looks := f.looks
		f.mu.Unlock()
		fill(i)
		late := time.Now().Add(deadline)
		for {
			f.mu.Lock()
			n := f.looks
			f.mu.Unlock()
			if n > looks {
				break
			}
			if time.Now().After(late) {
				t.Fatalf("the dashboard stopped after %d frames", i)
			}
			<-time.After(time.Millisecond)
		}
	}
	x.keys("p") // keys work, too
	x.until("paused", func() bool { f.tell(); return strings.Contains(strings.Join(f.took(), ","), "pause") })
	thaw()
	x.shows("in flight 99")
	x.shows("99 15 99 15")
	close(f.done)
	x.ends()
	x.sane()
}

func TestLeavingAFrozenTerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{200, 60})
	x.shows("[RUNNING]")
	thaw := x.freeze()
	for i := range 40 {
		f.set(func(_ *session.Snapshot, c *captive.Screen) {
			c.Lines = make([]string, 40)
			for y := range c.Lines {
				c.Lines[y] = strings.Repeat(fmt.Sprint(i+y, " "), 30)
			}
		})
		<-time.After(20 * time.Millisecond) // not for a result: to fill the terminal's buffer
	}
	start := time.Now()
	close(f.done)
	if err := x.ends(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > exitPatience+3*time.Second {
		t.Errorf("leaving took %v", took)
	}
	thaw()
	x.sane()
}

func TestALostTerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{80, 24})
	x.shows("[RUNNING]")
	x.master.Close()
	f.set(func(s *session.Snapshot, _ *captive.Screen) { s.InFlight++ }) // ends the read that keeps it open
	if err := x.ends(); err == nil {
		t.Error("no error")
	} else if strings.Contains(err.Error(), "killed") {
		t.Errorf("the error is not about the terminal: %v", err)
	}
}

// boom is a session whose Snapshot has a fault.
type boom struct {
	*fake
	now chan struct{}
}

func (b boom) Snapshot() session.Snapshot {
	select {
	case <-b.now:
		panic("boom")
	default:
		return b.fake.Snapshot()
	}
}

func TestAPanicRestoresTheTerminal(t *testing.T) {
	b := boom{newFake(running51()), make(chan struct{})}
	x := open(t, b, size{80, 24})
	x.shows("[RUNNING]")
	close(b.now)
	b.tell()
	if err := x.ends(); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("the error is %v", err)
	}
	x.sane()
	if strings.Contains(x.output(), "goroutine") {
		t.Error("a stack was written to the terminal")
	}
}

func TestRunNeedsATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := Run(newFake(running51()), r, w, Options{}); err == nil || !errors.Is(err, syscall.ENOTTY) {
		t.Errorf("the error is %v", err)
	}
}

// Where nothing changes nothing is drawn.
func TestNothingNewIsNotDrawn(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{80, 24})
	x.shows("q quit")
	looks := func() int { f.mu.Lock(); defer f.mu.Unlock(); return f.looks }
	look := func(times int) {
		for start := looks(); looks() < start+times; <-time.After(time.Millisecond) {
			f.tell()
		}
	}
	look(10) // the first frames: one before the terminal's size is known
	before := len(x.output())
	look(10)
	if after := x.output(); len(after) > before {
		t.Errorf("drawn again: %q", after[before:])
	}
	close(f.done)
	x.ends()
}

// Bubble Tea asks the terminal for its background when it is imported, and waits. Ours must not.
func TestStartingDoesNotAskTheTerminal(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "CI=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	out, _ := io.ReadAll(master) // the error is the end
	cmd.Wait()
	if bytes.Contains(out, []byte("\x1b")) || !bytes.Contains(out, []byte("PASS")) {
		t.Errorf("the terminal was told %q", out)
	}
}

// Inline, lines that leave the child's screen are put above the strip while it goes on.
func TestTheStripOnATerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{80, 24}, Options{Inline: true})
	x.shows("[RUNNING]")
	for i := range 100 {
		f.set(func(s *session.Snapshot, c *captive.Screen) {
			c.Run, c.Above = 1, uint64(i)
			c.Lines = []string{fmt.Sprintf("line %d.", i)}
			if i > 0 {
				f.printed = append(f.printed, fmt.Sprintf("line %d.", i-1))
			}
		})
	}
	x.shows("line 99.")
	x.keys("p\x01typed\x01")
	x.until("typed", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return string(f.typed) == "typed" })
	x.shows("^A child")
	close(f.done)
	if err := x.ends(); err != nil {
		t.Error(err)
	}
	x.until("took the strip away", func() bool { return !strings.Contains(x.text(), "RUNNING") })
	rows := strings.Split(x.text(), "\n")
	for i, row := range rows {
		if n := 99 - 19 + i; i < 20 && row != fmt.Sprintf("line %d.", n) {
			t.Fatalf("row %d is %q, want line %d:\n%s", i, row, n, x.text())
		}
	}
	if strings.Contains(x.output(), "\x1b[?1049") {
		t.Error("the alternate screen was used")
	}
}
