package ui

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
	"example.com/nbdtui/internal/terminaltest"
)

// console is a terminal with a dashboard on it.
type console struct {
	*terminaltest.Terminal
	t      testing.TB
	result chan error // of Run
}

func open(t testing.TB, s Session, z size, opts ...Options) *console {
	t.Helper()
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Setenv("NO_COLOR", "")
	x := &console{terminaltest.Open(t, z.w, z.h), t, make(chan error, 1)}
	go func() { x.result <- Run(s, x.Tty, x.Tty, append(opts, Options{})[0]) }()
	return x
}

// ends waits for Run, and returns what it did.
func (x *console) ends() error {
	x.t.Helper()
	select {
	case err := <-x.result:
		return err
	case <-time.After(terminaltest.Patience):
		x.t.Fatal("the dashboard did not end")
		return nil
	}
}

func TestTheDashboardOnATerminal(t *testing.T) {
	f := newFake(running51())
	f.screen = qemuScreen(size{80, 24})
	x := open(t, f, size{80, 24})
	x.Shows("[RUNNING]")
	x.Shows("(43.08/100%)")
	x.Type("pr") // arrives as one
	x.Type("\x1b[B")
	x.Type("D")
	x.Shows("Disconnect #2 by force, 1 request lost? [d]isconnect  [c]ancel")
	x.Type("\r?")
	x.Shows("any key closes")
	x.Type(" ")
	x.Shows("? help  q quit")
	x.Type("\x1b[200~q\r s\x1b[201~") // a paste is no command
	f.set(func(s *session.Snapshot, _ *captive.Screen) { *s = pausedFor(12 * time.Second) })
	x.Shows("[P] PAUSED 00:12")
	x.Type("\x1a\x1b") // ^Z and Esc
	x.Type("q")
	x.Shows("Quit: child running, 2 clients. [s]top all  [c]ancel")
	x.Type("s")
	x.Shows("? help  q quit")
	if got := strings.Join(f.took(), ","); got != "resize 78x9,pause,resume,shutdown" {
		t.Errorf("the session was asked for %q", got)
	}
	close(f.done)
	if err := x.ends(); err != nil {
		t.Error(err)
	}
	x.Sane()
}

func TestKeysPassToTheChildByteByByte(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{120, 40})
	x.Shows("[RUNNING]")
	x.Type("\x01")
	x.Shows("^A back")
	all := "plain é 中文 \U0001f600\x03\x1a\x04\x1b\x1bOP\x1b[11~\x1b[1;5D\x1b[3;2~\x7f\t\r\n\xff\xfe" +
		"\x1b[200~" + strings.Repeat("pasted text, ünïcode\r", 100) + "\x1b[201~"
	x.Type(all)
	x.Until("all of it typed", func(string) bool { f.tell(); f.mu.Lock(); defer f.mu.Unlock(); return len(f.typed) >= len(all) })
	if string(f.typed) != all {
		t.Errorf("the child got %q\nwant %q", f.typed, all)
	}
	// The terminal takes the child's modes, and the cursor the child's place.
	f.set(func(_ *session.Snapshot, c *captive.Screen) {
		*c = captive.Screen{Width: 80, Height: 24, Lines: []string{"$ "}, CursorX: 2, CursorShown: true, AppCursor: true, Version: 7}
	})
	x.Until("a terminal in the child's modes", func(string) bool {
		out := x.Output()
		return strings.LastIndex(out, "\x1b[?2004l") > strings.LastIndex(out, "\x1b[?2004h") && strings.Contains(out, "\x1b[?1h")
	})
	x.Until("the cursor in its place", func(string) (ok bool) {
		x.Look(func(screen *vt.Emulator) {
			at := screen.CursorPosition()
			ok = at.X == 3 && at.Y == 18 && screen.CellAt(1, 18).Content == "$"
		})
		return ok
	})
	x.Type("\x01")
	x.Shows("^A child")
	x.Until("a terminal that marks pastes again", func(string) bool {
		out := x.Output()
		return strings.LastIndex(out, "\x1b[?2004h") > strings.LastIndex(out, "\x1b[?2004l")
	})
	if got := f.took(); len(got) != 1 {
		t.Errorf("the child's keys asked the session for %q", got)
	}
	close(f.done)
	x.ends()
	x.Sane()
}

func TestResizing(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{80, 24})
	x.Shows("[RUNNING]")
	for _, z := range []size{{120, 40}, {40, 8}, {20, 3}, {10, 2}, {100, 30}} {
		x.Resize(z.w, z.h)
		syscall.Kill(os.Getpid(), syscall.SIGWINCH) // a terminal sends it to the programs that it controls
		w, h := childSize(z, shapeOf(&f.snapshot, &view{}))
		want := fmt.Sprintf("resize %dx%d", w, h)
		x.Until(want, func(string) bool { f.tell(); return slices.Contains(f.took(), want) })
		x.Until("a picture of the new size", func(s string) bool {
			return strings.HasPrefix(s, "[RUNNING]") && (z.h < 3 || strings.Contains(s, "q quit"))
		})
	}
	close(f.done)
	x.ends()
}

// A terminal that takes nothing stops nobody, and shows the present when it takes something again.
func TestAFrozenTerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{200, 60})
	x.Shows("[RUNNING]")
	thaw := x.Freeze()
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
		late := time.Now().Add(terminaltest.Patience)
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
	x.Type("p") // keys work, too
	x.Until("a pause", func(string) bool { f.tell(); return strings.Contains(strings.Join(f.took(), ","), "pause") })
	thaw()
	x.Shows("in flight 99")
	x.Shows("99 15 99 15")
	close(f.done)
	x.ends()
	x.Sane()
}

func TestLeavingAFrozenTerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{200, 60})
	x.Shows("[RUNNING]")
	thaw := x.Freeze()
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
	x.Until("the end of the alternate screen", func(string) bool { return strings.Contains(x.Output(), "\x1b[?1049l") })
	x.Sane()
}

func TestALostTerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{80, 24})
	x.Shows("[RUNNING]")
	x.HangUp()
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
	x.Shows("[RUNNING]")
	close(b.now)
	b.tell()
	if err := x.ends(); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("the error is %v", err)
	}
	x.Sane()
	if strings.Contains(x.Output(), "goroutine") {
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
	x.Shows("q quit")
	looks := func() int { f.mu.Lock(); defer f.mu.Unlock(); return f.looks }
	look := func(times int) {
		for start := looks(); looks() < start+times; <-time.After(time.Millisecond) {
			f.tell()
		}
	}
	look(10) // the first frames: one before the terminal's size is known
	before := len(x.Output())
	look(10)
	if after := x.Output(); len(after) > before {
		t.Errorf("drawn again: %q", after[before:])
	}
	close(f.done)
	x.ends()
}

// Bubble Tea asks the terminal for its background when it is imported, and waits. Ours must not.
func TestStartingDoesNotAskTheTerminal(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "CI=")
	x := terminaltest.Start(t, 80, 24, cmd)
	x.Wait()
	x.Sane()
	if out := x.Output(); strings.Contains(out, "\x1b") || !strings.Contains(out, "PASS") {
		t.Errorf("the terminal was told %q", out)
	}
}

// Inline, lines that leave the child's screen are put above the strip while it goes on.
func TestTheStripOnATerminal(t *testing.T) {
	f := newFake(running51())
	x := open(t, f, size{80, 24}, Options{Inline: true})
	x.Shows("[RUNNING]")
	for i := range 100 {
		f.set(func(s *session.Snapshot, c *captive.Screen) {
			c.Run, c.Above = 1, uint64(i)
			c.Lines = []string{fmt.Sprintf("line %d.", i)}
			if i > 0 {
				f.printed = append(f.printed, fmt.Sprintf("line %d.", i-1))
			}
		})
	}
	x.Shows("line 99.")
	x.Type("p\x01typed\x01")
	x.Until("keys for the child", func(string) bool { f.mu.Lock(); defer f.mu.Unlock(); return string(f.typed) == "typed" })
	x.Shows("^A child")
	close(f.done)
	if err := x.ends(); err != nil {
		t.Error(err)
	}
	x.Until("the strip taken away", func(s string) bool { return !strings.Contains(s, "RUNNING") })
	rows := strings.Split(x.Text(), "\n")
	for i, row := range rows {
		if n := 99 - 19 + i; i < 20 && row != fmt.Sprintf("line %d.", n) {
			t.Fatalf("row %d is %q, want line %d:\n%s", i, row, n, x.Text())
		}
	}
	if strings.Contains(x.Output(), "\x1b[?1049") {
		t.Error("the alternate screen was used")
	}
}
