package ui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

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
	x, y, w, h := b.childArea()
	inside := r.X >= x && r.X < x+w && r.Y >= y && r.Y < y+h
	press := !r.Release && r.Button&32 == 0
	if (v.typing || v.panel == panelChild) && !v.back.on && b.screen.Mouse.Tracking != 0 && (inside || b.dragging) {
		b.dragging = r.Button < wheelUp && !r.Release
		r.X = min(max(r.X-x, 0), w-1)
		r.Y = min(max(r.Y-y, 0), h-1) + childTop(&b.screen, h)
		if keys := b.screen.Mouse.Encode(r); keys != nil {
			b.session.Type(keys)
		}
		return
	}
	if !v.mouse || v.help || v.ask != askNothing || !press {
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
func (b *board) childArea() (x, y, w, h int) {
	sh := shapeOf(&b.snapshot, &b.view)
	p := planFor(b.size, sh)
	if sh.inline {
		return 0, 0, b.size.w, p.main
	}
	if !sh.child || b.size.w < minWidth || b.size.h < minHeight || b.view.zoom && !sh.whole {
		return 0, 0, 0, 0
	}
	w, h = childSize(b.size, sh)
	x, y, h = 0, 1+p.coverage+p.chart+p.throughput+p.clients, min(h, p.main)
	if p.main >= minMain {
		x, y = 1, y+1
	}
	return x, y, w, h
}

// panelAt is the panel that has a cell: the one that covers it with its borders. They are found by what changes on the
// screen when the panel gets the focus.
func (b *board) panelAt(x, y int) panel {
	frame := func(p panel) []string {
		v := b.view
		v.panel, v.typing = p, false
		return strings.Split(render(b.snapshot, b.screen, v, b.size, b.theme), "\n")
	}
	plain := frame(noPanel)
	for p := panelCoverage; int(p) <= panels; p++ {
		if area, ok := changed(plain, frame(p)); ok && area.has(x, y) {
			return p
		}
	}
	return noPanel
}

// area is a rectangle on the screen, its last column and row included.
type area struct{ left, top, right, bottom int }

func (a area) has(x, y int) bool { return x >= a.left && x <= a.right && y >= a.top && y <= a.bottom }

// changed is the least area outside of which two frames have the same text, but for their last rows.
func changed(a, b []string) (all area, any bool) {
	for y := range min(len(a), len(b)) - 1 {
		if a[y] == b[y] {
			continue
		}
		was, is := cellsOf(a[y]), cellsOf(b[y])
		for x := range max(len(was), len(is)) {
			if x < len(was) && x < len(is) && was[x] == is[x] {
				continue
			}
			if !any {
				all, any = area{x, y, x, y}, true
			}
			all = area{min(all.left, x), min(all.top, y), max(all.right, x), max(all.bottom, y)}
		}
	}
	return all, any
}

// cellsOf is a row's text, a cell each; a wide character is followed by an empty one.
func cellsOf(row string) (cells []string) {
	for state := byte(0); len(row) > 0; {
		piece, n, read, next := ansi.DecodeSequence(row, state, nil)
		row, state = row[read:], next
		if n > 0 {
			cells = append(append(cells, piece), make([]string, n-1)...)
		}
	}
	return cells
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
