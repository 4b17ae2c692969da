package captive

import (
	"io"
	"sync"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// terminal is the emulator behind its fences. Nothing the child prints makes it panic, block or grow.
type terminal struct {
	answer func([]byte) // gets what the emulator says to the child; must not block
	pumps  sync.WaitGroup

	mu            sync.Mutex
	emulator      *vt.Emulator
	width, height int
	run           int
	cursor        bool // shown
	paste, keys   bool // modes 2004 and 1
	mouse         Mouse
	skipped       bool
	history       history
	version       uint64
	closed        bool
	shot          Screen // the last one given out
}

func newTerminal(width, height int, answer func([]byte)) *terminal {
	t := &terminal{answer: answer, width: width, height: height, version: 1}
	t.restart()
	return t
}

// restart begins with a fresh emulator.
func (t *terminal) restart() {
	e := vt.NewEmulator(t.width, t.height)
	fence(e)
	e.RegisterCsiHandler('J', func(p ansi.Params) bool {
		if n, _, _ := p.Param(0, 0); n == 3 { // the scrollback, too
			t.history.drop(len(t.history.rows))
		}
		return false
	})
	t.cursor, t.paste, t.keys, t.mouse = true, false, false, Mouse{}
	e.SetCallbacks(vt.Callbacks{
		EnableMode:  func(m ansi.Mode) { t.setMode(m, true) },
		DisableMode: func(m ansi.Mode) { t.setMode(m, false) },
	})
	t.emulator = e
	// The emulator's Write blocks until somebody reads its answers.
	t.pumps.Go(func() {
		buf := make([]byte, 1<<10)
		for {
			n, err := e.Read(buf)
			if err != nil {
				return
			}
			t.answer(buf[:n])
		}
	})
	if t.closed {
		hangUp(e)
	}
}

// setMode keeps what the emulator does not tell. It runs inside the emulator's Write, with the lock held.
func (t *terminal) setMode(m ansi.Mode, on bool) {
	switch m {
	case ansi.ModeTextCursorEnable:
		t.cursor = on
	case ansi.ModeBracketedPaste:
		t.paste = on
	case ansi.ModeCursorKeys:
		t.keys = on
	default:
		if private, ok := m.(ansi.DECMode); ok {
			t.mouse.set(int(private), on)
		}
	}
}

// guard calls f with the emulator, and takes what leaves its screen meanwhile. Where that panics, a fresh one takes its
// place.
func (t *terminal) guard(f func(e *vt.Emulator)) {
	defer func() {
		if recover() != nil {
			hangUp(t.emulator)
			t.restart()
		}
	}()
	t.version++
	f(t.emulator)
	if gone := t.emulator.Scrollback(); gone.Len() > 0 {
		t.history.take(gone.Lines())
		gone.Clear()
	}
}

// hangUp ends the emulator's pump. Its own Close races with Read.
func hangUp(e *vt.Emulator) { e.InputPipe().(io.Closer).Close() }

// feed prints p, which is valid UTF-8. The lock is held for a slice at a time, because a few bytes may cost
// milliseconds: an erased screen, a repeated character.
func (t *terminal) feed(p []byte) {
	for len(p) > 0 {
		n := min(len(p), 64)
		for n < len(p) && p[n] >= 0x80 { // a Write ends a grapheme; only ASCII is sure to begin one
			n++
		}
		t.mu.Lock()
		t.guard(func(e *vt.Emulator) { e.Write(p[:n]) })
		t.mu.Unlock()
		p = p[n:]
	}
}

// skip makes the terminal ready to go on after missing output: whatever sequence stands open is cancelled (CAN), modes
// are set, and the pen and the character set are the usual ones.
func (t *terminal) skip(modes []byte) {
	t.feed([]byte("\x18" + string(modes) + "\x0f\x1b(B\x1b[m"))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.skipped = true
	t.guard(func(e *vt.Emulator) {
		if !e.IsAltScreen() && e.CursorPosition().X > 0 {
			e.WriteString("\r\n")
		}
	})
	t.history.skipped(t.history.next() + uint64(t.emulator.CursorPosition().Y))
}

// calm says that nothing was skipped of late; it reports whether that is news.
func (t *terminal) calm() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.skipped {
		return false
	}
	t.skipped = false
	t.version++
	return true
}

// resize keeps the cursor's line on the screen: the emulator would keep the top ones.
func (t *terminal) resize(width, height int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if width == t.width && height == t.height {
		return
	}
	t.width, t.height = width, height
	t.guard(func(e *vt.Emulator) {
		if n := e.CursorPosition().Y - (height - 1); n > 0 {
			e.WriteString(ansi.ScrollUp(n))
		}
		e.Resize(width, height)
	})
}

// close ends the pump. The screen stays.
func (t *terminal) close() {
	t.mu.Lock()
	t.closed = true
	hangUp(t.emulator)
	t.mu.Unlock()
	t.pumps.Wait()
}

// screen is what is shown now; the last one where nothing has changed.
func (t *terminal) screen() Screen {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screenLocked()
}

func (t *terminal) screenLocked() Screen {
	if t.shot.Version == t.version {
		return t.shot
	}
	at := t.emulator.CursorPosition()
	t.shot = Screen{
		Width:          t.width,
		Height:         t.height,
		Lines:          t.rows(),
		Above:          t.history.next(),
		Oldest:         t.oldest(),
		CursorX:        min(at.X, t.width-1),
		CursorY:        min(at.Y, t.height-1),
		CursorShown:    t.cursor,
		AltScreen:      t.emulator.IsAltScreen(),
		BracketedPaste: t.paste,
		AppCursor:      t.keys,
		Mouse:          t.mouse,
		Skipped:        t.skipped,
		Run:            t.run,
		Version:        t.version,
	}
	return t.shot
}

func (t *terminal) rows() []string {
	lines := make([]string, t.height)
	for y := range lines {
		lines[y] = row(t.width, func(x int) *uv.Cell { return t.emulator.CellAt(x, y) })
	}
	return lines
}
