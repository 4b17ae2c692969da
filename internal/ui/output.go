package ui

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// output is the terminal's output. Writing never blocks: a goroutine of its own does it, so a terminal that takes
// nothing stops neither the dashboard nor, behind it, the server. A frame that comes while another still waits is
// dropped, and when there is room again a whole one is asked for.
type output struct {
	*os.File
	repaint func()      // asks for a whole frame
	lost    func(error) // told once that the terminal takes no more

	mu      sync.Mutex
	queue   []byte // to be written
	framed  bool   // queue holds a frame
	dropped bool   // a frame is missing
	now     posture
	closed  bool
	wake    chan struct{} // queue or closed has changed
	done    chan struct{} // the goroutine has ended
}

// posture is how the terminal stands besides what it shows. Where the child has the focus it is the child's.
type posture struct {
	caret bool // the cursor is shown, at x and y
	x, y  int
	paste bool // bracketed paste
	keys  bool // application cursor keys
}

func newOutput(f *os.File) *output {
	return &output{File: f, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// Write takes a frame, or a sequence that must not get lost. It returns no error: lost tells.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
	case !isFrame(p):
		o.queue = append(o.queue, p...)
	case o.framed:
		o.dropped = true
	default:
		o.framed = true
		// In one go, where the terminal knows how (mode 2026), and without the cursor running about.
		o.queue = append(append(o.queue, ansi.SetModeSynchronizedOutput+ansi.HideCursor...), p...)
		o.queue = append(append(o.queue, o.now.place()...), ansi.ResetModeSynchronizedOutput...)
	}
	o.poke()
	return len(p), nil
}

func (o *output) WriteString(s string) (int, error) { return o.Write([]byte(s)) }

// isFrame recognises Bubble Tea's frames: they begin at the upper left corner.
func isFrame(p []byte) bool {
	return len(p) > len(ansi.CursorHomePosition) && bytes.HasPrefix(p, []byte(ansi.CursorHomePosition))
}

// place puts the cursor where it belongs.
func (p posture) place() string {
	if !p.caret {
		return ansi.HideCursor
	}
	return ansi.CursorPosition(p.x+1, p.y+1) + ansi.ShowCursor
}

// stand changes the posture. With more to come the cursor waits for the next frame.
func (o *output) stand(p posture, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := o.now
	o.now = p
	if o.closed || p == was {
		return
	}
	o.queue = append(o.queue, modeChange(was.paste, p.paste, ansi.SetModeBracketedPaste, ansi.ResetModeBracketedPaste)...)
	o.queue = append(o.queue, modeChange(was.keys, p.keys, ansi.SetModeCursorKeys, ansi.ResetModeCursorKeys)...)
	if !more {
		o.queue = append(o.queue, p.place()...)
	}
	o.poke()
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

// run writes until the output is closed or lost.
func (o *output) run() {
	defer close(o.done)
	var b []byte
	for range o.wake {
		o.mu.Lock()
		b, o.queue = o.queue, b[:0]
		o.framed = false
		closed := o.closed
		o.mu.Unlock()
		if _, err := o.File.Write(b); err != nil {
			o.lost(fmt.Errorf("write to the terminal: %w", err))
			return
		}
		if closed {
			return
		}
		o.mu.Lock()
		missing := o.dropped
		o.dropped = false
		o.mu.Unlock()
		if missing {
			o.repaint()
		}
	}
}

func (o *output) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// close leaves the terminal in its usual posture, writes last and waits until all is written, but no longer than patience: a terminal that takes nothing must
// not keep the program.
func (o *output) close(last string, patience time.Duration) {
	o.stand(posture{caret: true}, true)
	o.mu.Lock()
	o.queue = append(o.queue, last...)
	o.closed = true
	o.poke()
	o.mu.Unlock()
	select {
	case <-o.done:
	case <-time.After(patience):
	}
}
