package ui

import (
	"strings"
	"time"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// board is the dashboard's own state: what it shows, and what keys do to it and to the session.
type board struct {
	session Session
	theme   theme
	size    size
	view    view

	snapshot session.Snapshot
	screen   captive.Screen
	terminal size // the child's, as it was told
	surveyed survey
	first    []session.Knob // as they were at the start

	run       int    // of the child, whose screen is shown
	dragging  bool   // a button was pressed in the child's panel, and is held
	clipboard string // for the terminal's, until it was sent

	interrupted time.Time // when ^C was last pressed
	hurry       bool      // it was pressed twice: every grace is ended as it comes
}

// twice is how soon the second ^C has to come.
const twice = 2 * time.Second

// key is the name of one: the character, or "up", "down", "enter", "esc", "ctrl+c".
type key string

// refresh looks at the session again, and reports whether there is anything new to see.
func (b *board) refresh() bool {
	snapshot, screen := b.session.Snapshot(), b.session.Screen()
	same := snapshot.Same(&b.snapshot) && screen.Version == b.screen.Version
	b.snapshot, b.screen = snapshot, screen
	if b.first == nil {
		b.first = snapshot.Knobs
	}
	if screen.Run != b.run {
		b.run, b.view.back = screen.Run, scrollback{} // its lines are gone
	}
	if b.hurry && b.snapshot.Grace > 0 {
		b.stop()
	}
	b.view.typing = b.view.typing && (running(&b.snapshot) || resting(&b.snapshot))
	b.fit()
	return !same
}

// resize takes another size of the screen. A terminal that does not know its size is taken for the usual one.
func (b *board) resize(w, h int) {
	if w <= 0 || h <= 0 {
		w, h = 80, 24
	}
	b.size = size{w, h}
	b.refresh()
}

// fit gives the child's terminal the size of its panel, and takes the focus from a panel that is not on the screen.
func (b *board) fit() {
	if !b.view.zoom && !b.plan()[b.view.panel].boxed {
		b.view.panel = noPanel
	}
	b.survey()
	w, h := childSize(b.size, shapeOf(&b.snapshot, &b.view))
	if z := (size{w, h}); z != b.terminal {
		b.terminal = z
		b.session.Resize(w, h)
	}
}

func (b *board) plan() plan { return planFor(b.size, shapeOf(&b.snapshot, &b.view)) }

// draw is the screen as it should be.
func (b *board) draw() string { return render(b.snapshot, b.sight(), b.view, b.size, b.theme) }

// press does what a key asks for. Keys without a meaning are ignored.
func (b *board) press(k key) {
	b.refresh()
	b.view.said = ""
	switch {
	case k == "ctrl+c":
		b.view.help, b.view.back.prompt = 0, false
		b.interrupt()
	case b.view.help > 0:
		if b.view.help++; k == "esc" || b.view.help > helpPages(b.size, b.theme) {
			b.view.help = 0
		}
	case b.view.ask != askNothing:
		b.answer(k)
	case b.view.back.prompt:
		b.typeQuery(k)
	case b.view.filter.typing:
		b.typeFilter(k)
	case b.view.knobs.open && b.steer(k):
	default:
		b.command(k)
	}
	b.fit()
}

func (b *board) command(k key) {
	if b.view.inline && !strings.Contains("prdDARq", string(k)) {
		return // a strip has no panels
	}
	if b.view.replay != "" && strings.Contains("dDARts", string(k)) {
		b.view.said = "this is a recording: nothing can be done to it"
		return
	}
	switch k {
	case "p":
		b.session.Pause()
	case "r":
		b.session.Resume()
	case "d":
		b.disconnect(false)
	case "D":
		b.disconnect(true)
	case "A":
		b.session.Type([]byte{focusKey})
	case "R":
		if resting(&b.snapshot) {
			b.session.Rerun()
		}
	case "m":
		b.view.mouse = !b.view.mouse
	case "q":
		b.quit()
	case "t":
		b.view.knobs.open = true
	case "s":
		b.session.Save()
	case "?":
		b.view.help = 1
	default:
		b.look(k)
	}
}

// typing says whether the child has the keyboard; then it must be in sight.
func (b *board) typing(on bool) {
	v := &b.view
	v.typing, v.help, v.ask = on, 0, askNothing
	v.back = scrollback{} // whoever types must see what
	if on && v.panel != panelChild {
		v.zoom = false
	}
}

// disconnect asks first where requests are in hand, and always before force.
func (b *board) disconnect(force bool) {
	c, _, ok := b.view.chosen(&b.snapshot)
	switch {
	case !ok:
		return
	case force:
		b.view.ask = askForce
	case c.InFlight+c.Held > 0:
		b.view.ask = askSoft
	default:
		b.session.Disconnect(c.ID, false)
	}
	b.view.asked = c.ID
}

// answer takes the answer to a question. What is not one changes nothing. A question stays when its client has gone:
// else the answer to it would be taken for a command.
func (b *board) answer(k key) {
	switch {
	case k == "c" || k == "enter" || k == "esc":
	case k == "s" && b.view.ask == askQuit:
		b.stop()
	case k == "d" && b.view.ask != askQuit:
		b.session.Disconnect(b.view.asked, b.view.ask == askForce)
	default:
		return
	}
	b.view.ask = askNothing
}

// quit asks where a child or clients would notice. Once the session is on its way out there is nothing to ask.
func (b *board) quit() {
	s := &b.snapshot
	if b.view.replay != "" || s.State == session.Stopping || !running(s) && len(s.Clients) == 0 {
		b.stop()
		return
	}
	b.view.ask = askQuit
}

// interrupt is ^C: the first is q, a second one soon after it does not ask and does not wait.
func (b *board) interrupt() {
	now := time.Now()
	if now.Sub(b.interrupted) < twice {
		b.view.ask = askNothing
		b.hurry = true
		b.stop()
	} else {
		b.quit()
	}
	b.interrupted = now
}

func (b *board) stop() { b.session.Shutdown(session.ByUser, "the keyboard") }

// posture is how the terminal should stand. The dashboard wants pastes to be marked, so that none is taken for keys.
func (b *board) posture() posture {
	p := posture{paste: true, mouse: b.tracking()}
	if !b.view.typing {
		return p
	}
	c := &b.screen
	p.paste, p.keys = c.BracketedPaste, c.AppCursor
	if !b.view.back.on {
		p.x, p.y, p.caret = b.caret()
	}
	return p
}
