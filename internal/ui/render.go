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
	case v.help:
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

// screen is the dashboard. Panels that the plan has no room for have no rows.
func (d *drawing) screen() []string {
	rows := make([]string, 0, d.size.h)
	rows = append(rows, d.stateLine())
	if d.view.zoom {
		rows = append(rows, d.zoomed()...)
	} else {
		rows = append(rows, d.coverage()...)
		rows = append(rows, d.mapPanel()...)
		rows = append(rows, d.throughput()...)
		rows = append(rows, d.clients(d.size.w, d.plan.clients)...)
		main := d.childPanel
		if d.s.Child == nil {
			main = d.uri
		}
		left := d.under(main(), d.size.w-d.plan.beside, minMain)
		right := append(d.flight(d.plan.beside, d.plan.flight), d.eventsBox(d.plan.beside, d.plan.main-d.plan.flight)...)
		rows = append(rows, beside(left, right)...)
		rows = append(rows, d.eventRows()...)
	}
	for len(rows) < d.size.h-1 {
		rows = append(rows, "")
	}
	if d.view.zoom || d.plan.main < minMain {
		rows = d.under(rows, d.size.w, 4)
	}
	return append(rows, d.footer())
}

// under puts the panel that steers, if it is open, in the place of the lowest of some rows.
func (d *drawing) under(rows []string, w, least int) []string {
	if !d.view.knobs.open || len(rows) < least {
		return rows
	}
	box := d.knobs(w, len(rows)-1)
	return append(rows[:len(rows)-len(box):len(rows)-len(box)], box...)
}

// zoomed is the panel that has the whole screen but for the first line and the last.
func (d *drawing) zoomed() []string {
	w, h := d.size.w, d.size.h-2
	var rows []string
	switch d.view.panel {
	case panelCoverage:
		rows = d.coverageScreen(w, h)
	case panelThroughput:
		ways := d.directions()
		rows = d.directionsBox(w, h, "throughput", ways[:])
	case panelRequests:
		rows = d.requestsScreen(w, h)
	case panelMap:
		rows = d.mapScreen(w, h)
	case panelMix:
		rows = d.mix(w, h)
	case panelFlight:
		rows = d.flight(w, h)
	case panelClients:
		rows = d.clients(w, h)
	case panelEvents:
		rows = d.eventsBox(w, h)
	default:
		if d.s.Child != nil {
			rows = d.childPanel()
		}
	}
	return rows[:min(len(rows), h)]
}

// beside puts two panels side by side; the right one may be missing.
func beside(left, right []string) []string {
	for i := range right {
		left[i] += right[i]
	}
	return left
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
