package ui

import (
	"strings"

	"example.com/nbdtui/internal/captive"
)

const (
	wheelUp, wheelDown = 64, 65 // buttons of a report
	anyModifier        = 4 | 8 | 16
	wheelRows          = 3 // that a wheel's click scrolls
)

// pointed does what the mouse asks for. What happens in the child's panel is the child's, where it has the keyboard or
// the panel the focus, and it wants to know.
func (b *board) pointed(r captive.Report) {
	b.refresh()
	b.view.said = ""
	v := &b.view
	child := b.childArea()
	inside := child.has(r.X, r.Y)
	press := !r.Release && r.Button&32 == 0
	if (v.typing || v.panel == panelChild) && !v.back.on && b.screen.Mouse.Tracking != 0 && (inside || b.dragging) {
		b.dragging = r.Button < wheelUp && !r.Release
		r.X = min(max(r.X-child.x, 0), child.w-1)
		r.Y = min(max(r.Y-child.y, 0), child.h-1) + childTop(&b.screen, child.h)
		if keys := b.screen.Mouse.Encode(r); keys != nil {
			b.session.Type(keys)
		}
		return
	}
	if !v.mouse || v.help > 0 || v.ask != askNothing || !press {
		return
	}
	p := b.panelAt(r.X, r.Y)
	if inside {
		p = panelChild
	}
	switch button := r.Button &^ anyModifier; {
	case button == wheelUp:
		b.wheel(p, -1)
	case button == wheelDown:
		b.wheel(p, +1)
	case p != noPanel:
		v.panel = p
		v.typing = v.typing && p == panelChild
	}
	b.fit()
}

// wheel scrolls a panel, by -1 or +1. A full-screen program that has the keyboard gets arrows, as from other terminals.
func (b *board) wheel(p panel, by int) {
	v := &b.view
	switch {
	case p == panelChild && v.typing && b.screen.AltScreen:
		arrow := map[bool]string{false: "\x1b[", true: "\x1bO"}[b.screen.AppCursor] + map[int]string{-1: "A", +1: "B"}[by]
		b.session.Type([]byte(strings.Repeat(arrow, wheelRows)))
	case p == panelChild:
		b.scrollChild(by * wheelRows)
	case p == panelEvents:
		b.scroll(by * wheelRows)
	case p == panelClients:
		b.move(by)
	}
}

// childArea is where the child's screen stands on ours, without borders; nothing where it is not shown.
func (b *board) childArea() area {
	if b.snapshot.Child == nil {
		return area{}
	}
	return b.plan()[panelChild].inside()
}

// panelAt is the panel that has a cell, its borders included.
func (b *board) panelAt(x, y int) panel {
	for i, at := range b.plan() {
		if p := panel(i); at.boxed && at.has(x, y) && b.has(p) {
			return p
		}
	}
	return noPanel
}

// tracking is the mouse's mode that the terminal should be in: what the child wants while the reports are for it, and
// clicks and the wheel where somebody has turned the mouse on.
func (b *board) tracking() int {
	want := 0
	if b.view.inline { // nobody knows where on the terminal's screen the strip is
		return 0
	}
	if b.view.mouse {
		want = 1000
	}
	if b.view.typing || b.view.mouse && b.view.panel == panelChild {
		want = max(want, b.screen.Mouse.Tracking)
	}
	if want == 9 {
		want = 1000
	}
	return want
}
