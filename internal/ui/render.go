package ui

import (
	"strings"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// render draws the whole screen: z.h lines, none wider than z.w cells. It is pure: what it shows depends on nothing
// but its arguments.
func render(s session.Snapshot, c captive.Screen, v view, z size, t theme) string {
	if s.State == session.Paused {
		stand(&s)
	}
	d := drawing{&s, &c, &v, z, t, planFor(z, shapeOf(&s, &v))}
	var rows []string
	switch {
	case v.inline:
		return strings.Join(d.inlineRows(), "\n")
	case z.w < minWidth || z.h < minHeight:
		rows = []string{d.badgeLine()}
	case v.help > 0:
		rows = d.helpScreen()
	default:
		rows = d.screen()
	}
	for len(rows) < z.h {
		rows = append(rows, "")
	}
	return strings.Join(rows[:max(z.h, 1)], "\n")
}

// stand stops the rates, which are over the last second: in a paused session nothing moves.
func stand(s *session.Snapshot) {
	s.Read, s.Write = session.Rate{}, session.Rate{}
	s.Clients = append([]session.Client(nil), s.Clients...)
	for i := range s.Clients {
		s.Clients[i].Read, s.Clients[i].Write = session.Rate{}, session.Rate{}
	}
}

// drawing is what the panels are drawn from.
type drawing struct {
	s     *session.Snapshot
	child *captive.Screen
	view  *view
	size  size
	theme theme
	plan  plan
}

// screen is the dashboard: the first line, every panel in its place, the last line.
func (d *drawing) screen() []string {
	rows := make([]string, d.size.h-1)
	rows[0] = d.stateLine()
	for p := panelCoverage; int(p) <= panels; p++ { // those that stand side by side, from left to right
		for i, row := range d.rows(p) {
			rows[d.plan[p].y+i] += row
		}
	}
	if d.view.zoom || !d.plan[panelChild].boxed {
		rows = d.under(rows, d.size.w, 4)
	}
	return append(rows, d.footer())
}

// rows is what a panel shows in its place.
func (d *drawing) rows(p panel) []string {
	at := d.plan[p]
	w, h := at.w, at.h
	if w <= 0 || h <= 0 {
		return nil
	}
	var rows []string
	switch p {
	case panelCoverage:
		rows = d.coverage(at)
	case panelMap:
		rows = d.mapPanel(at)
	case panelThroughput:
		rows = d.throughput(at)
	case panelRequests:
		rows = d.requests(w, h)
	case panelMix:
		rows = d.mix(w, h)
	case panelClients:
		rows = d.clients(w, h)
	case panelChild:
		if d.s.Child != nil {
			rows = d.childPanel(at)
		} else if !d.view.zoom {
			rows = d.uri(w, h)
		}
		if !d.view.zoom {
			rows = d.under(rows, w, minMain)
		}
	case panelFlight:
		rows = d.flight(w, h)
	case panelEvents:
		rows = d.eventsPanel(at)
	}
	return rows[:min(len(rows), h)]
}

// under puts the panel that steers, if it is open, in the place of the lowest of some rows.
func (d *drawing) under(rows []string, w, least int) []string {
	if !d.view.knobs.open || len(rows) < least {
		return rows
	}
	box := d.knobs(w, len(rows)-1)
	return append(rows[:len(rows)-len(box):len(rows)-len(box)], box...)
}

// box is a panel's: heavy where it has the focus.
func (d *drawing) box(p panel, w, h int, title, note string, rows []string) []string {
	return d.theme.box(w, h, d.view.holds(p), title, note, rows)
}

// box puts a border round rows, each w-2 cells wide, and makes the whole h rows high. note stands at the right of the
// upper border.
func (t theme) box(w, h int, focused bool, title, note string, rows []string) []string {
	f, r := t.glyphs.light, border
	if focused {
		f, r = t.glyphs.heavy, focus
		title = "[" + title + "]"
	}
	out := make([]string, 0, h)
	top := t.line(w).text(r, f.tl+f.h).space(1).text(strong, t.cut(title, w-6)).space(1)
	if n := width(note); n > 0 && top.room >= n+5 {
		top.repeat(r, f.h, top.room-n-4).space(1).text(plain, note).space(1)
	}
	top.repeat(r, f.h, top.room-1).text(r, f.tr)
	out = append(out, top.String())
	for i := range h - 2 {
		row := t.line(w).text(r, f.v)
		if i < len(rows) {
			row.raw(rows[i], w-2)
		} else {
			row.space(w - 2)
		}
		out = append(out, row.text(r, f.v).String())
	}
	return append(out, t.line(w).text(r, f.bl).repeat(r, f.h, w-2).text(r, f.br).String())
}
