package captive

import "fmt"

// Mouse is what the child wants to know of the mouse.
type Mouse struct {
	Tracking int // the mode it set: 9 presses, 1000 releases too, 1002 drags, 1003 every motion; 0 nothing
	Encoding int // 1005 UTF-8, 1006 SGR, 1015 urxvt; 0 the oldest, which knows 223 columns and rows
}

// set follows a mode. Tracking modes replace one another, and so do encodings.
func (m *Mouse) set(mode int, on bool) {
	var which *int
	switch mode {
	case 9, 1000, 1002, 1003:
		which = &m.Tracking
	case 1005, 1006, 1015:
		which = &m.Encoding
	default:
		return
	}
	switch {
	case on:
		*which = mode
	case *which == mode:
		*which = 0
	}
}

// Report is something that the mouse did.
type Report struct {
	Button  int // as in SGR reports: the button, 4 for shift, 8 for alt, 16 for ctrl, 32 for motion, 64 for the wheel
	X, Y    int // the cell, from 0
	Release bool
}

const (
	noButton = 3 // of motion without one, and of a release in the older encodings
	motion   = 32
)

// Encode is a report as the child wants it; nil where it does not.
func (m Mouse) Encode(r Report) []byte {
	moves := r.Button&motion != 0
	switch {
	case r.X < 0 || r.Y < 0:
		return nil
	case m.Tracking == 0, m.Tracking == 9 && (r.Release || moves || r.Button > 2),
		m.Tracking == 1000 && moves, m.Tracking == 1002 && moves && r.Button&noButton == noButton:
		return nil
	}
	if m.Encoding == 1006 {
		final := 'M'
		if r.Release {
			final = 'm'
		}
		return fmt.Appendf(nil, "\x1b[<%d;%d;%d%c", r.Button, r.X+1, r.Y+1, final)
	}
	button := r.Button
	if r.Release {
		button = button&^noButton | noButton
	}
	switch {
	case m.Encoding == 1015:
		return fmt.Appendf(nil, "\x1b[%d;%d;%dM", button+32, r.X+1, r.Y+1)
	case m.Encoding == 1005 && max(r.X, r.Y) < 2015:
		return fmt.Appendf(nil, "\x1b[M%c%c%c", rune(button+32), rune(r.X+33), rune(r.Y+33))
	case m.Encoding == 0 && max(r.X, r.Y) < 223:
		return append([]byte("\x1b[M"), byte(button+32), byte(r.X+33), byte(r.Y+33))
	}
	return nil
}
