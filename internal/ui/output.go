package ui

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// output is the terminal's output. Showing a picture never blocks: a goroutine of its own writes, so a terminal that
// takes nothing stops neither the dashboard nor, behind it, the server. Only the newest picture counts, and only what
// differs from the one that was written before it is written.
type output struct {
	file *os.File
	lost func(error) // told once that the terminal takes no more

	mu     sync.Mutex
	next   picture
	once   string // a sequence to be written besides
	closed bool
	wake   chan struct{} // next or closed has changed
	done   chan struct{} // the goroutine has ended

	inline *scroller // of an inline dashboard; nil where it has the whole screen
	shown  picture   // the goroutine's
	rows   []string
	brush  brush
}

// picture is what a terminal shows, and how it stands besides.
type picture struct {
	frame string // rows, as render draws them
	size  size
	above uint64 // the number of the first line on the child's screen
	run   int    // of the child
	live  int    // the child's rows in the frame of an inline dashboard
	posture
}

// posture is how the terminal stands. Where the child has the focus it is the child's.
type posture struct {
	caret bool // the cursor is shown, at x and y
	x, y  int
	paste bool // bracketed paste
	keys  bool // application cursor keys
	mouse int  // its tracking mode, with reports as of mode 1006; 0 for none
}

func newOutput(f *os.File, inline *scroller) *output {
	return &output{file: f, inline: inline, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// show has a picture written as soon as the terminal takes it, unless a newer one comes first.
func (o *output) show(p picture) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = p
	o.poke()
}

// say has a sequence written that shows nothing; a newer one takes its place where it still waits.
func (o *output) say(s string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.once = s
	o.poke()
}

func (o *output) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes until the output is closed or lost.
func (o *output) run() {
	defer close(o.done)
	var b []byte
	if o.inline == nil {
		b = []byte(ansi.SetModeAltScreenSaveCursor + ansi.HideCursor)
	}
	for range o.wake {
		o.mu.Lock()
		next, once, closed := o.next, o.once, o.closed
		o.once = ""
		o.mu.Unlock()
		switch {
		case closed && o.inline != nil:
			if next.frame != "" {
				next.posture = posture{}
				b = o.leaveInline(o.paintInline(b, next))
			}
		case closed:
			b = append(o.stand(b, posture{}), ansi.ResetModeAltScreenSaveCursor+ansi.ShowCursor...)
		case o.inline != nil:
			b = append(o.paintInline(b, next), once...)
		default:
			b = append(o.paint(b, next), once...)
		}
		if len(b) > 0 {
			if _, err := o.file.Write(b); err != nil {
				o.lost(fmt.Errorf("write to the terminal: %w", err))
				return
			}
		}
		if closed {
			return
		}
		b = b[:0]
	}
}

// paint adds what makes the terminal show p: in one go, where the terminal knows how (mode 2026), and without the
// cursor running about.
func (o *output) paint(b []byte, p picture) []byte {
	if p == o.shown {
		return b
	}
	b = append(b, ansi.SetModeSynchronizedOutput+ansi.HideCursor...)
	if p.size != o.shown.size { // nobody knows what a terminal makes of its rows when its size changes
		b = append(b, ansi.EraseEntireScreen...)
		o.rows = nil
	}
	rows := strings.Split(p.frame, "\n")
	for y, row := range rows {
		was := ""
		if y < len(o.rows) {
			was = o.rows[y]
		}
		if row != was {
			b = o.brush.row(b, y, was, row, p.size.w)
		}
	}
	b = o.brush.dip(b, "")
	b = o.stand(b, p.posture)
	if p.caret {
		b = append(append(b, ansi.CursorPosition(p.x+1, p.y+1)...), ansi.ShowCursor...)
	}
	o.shown, o.rows = p, rows
	return append(b, ansi.ResetModeSynchronizedOutput...)
}

// stand adds what changes the modes.
func (o *output) stand(b []byte, p posture) []byte {
	was := o.shown.posture
	b = append(b, modeChange(was.paste, p.paste, ansi.SetModeBracketedPaste, ansi.ResetModeBracketedPaste)...)
	b = append(b, modeChange(was.keys, p.keys, ansi.SetModeCursorKeys, ansi.ResetModeCursorKeys)...)
	if was.mouse != p.mouse {
		if was.mouse != 0 {
			b = append(b, ansi.ResetMode(ansi.DECMode(was.mouse))...)
		}
		if p.mouse != 0 {
			b = append(b, ansi.SetMode(ansi.DECMode(p.mouse))...)
		}
		b = append(b, modeChange(was.mouse != 0, p.mouse != 0, ansi.SetModeMouseExtSgr, ansi.ResetModeMouseExtSgr)...)
	}
	return b
}

func modeChange(was, is bool, set, reset string) string {
	switch {
	case was == is:
		return ""
	case is:
		return set
	}
	return reset
}

// close leaves the terminal in its usual posture and waits until that is written, but no longer than patience: a
// terminal that takes nothing must not keep the program.
func (o *output) close(patience time.Duration) {
	o.mu.Lock()
	o.closed = true
	o.poke()
	o.mu.Unlock()
	select {
	case <-o.done:
	case <-time.After(patience):
	}
}
