package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// How long a request may be in flight before it is slow, and before it is stuck.
const (
	slowAfter  = time.Second
	stuckAfter = 10 * time.Second
)

// flightRow is a request in hand.
type flightRow struct {
	client uint64
	block.Pending
}

// word says what is wrong with it; what is held at the gate is not to blame.
func (r *flightRow) word() (role, string) {
	switch {
	case r.Held:
		return pausing, "held"
	case r.Age >= stuckAfter:
		return failure, "STUCK"
	case r.Age >= slowAfter:
		return warning, "SLOW"
	}
	return plain, ""
}

var flightColumns = []column[flightRow]{
	{"id", 3, 0, true, 4, func(_ *drawing, r *flightRow) string { return strconv.FormatUint(r.client, 10) }},
	{"", 6, 0, false, 0, func(_ *drawing, r *flightRow) string { return wordOf(r.Cmd) }},
	{"offset", 6, 0, true, 2, func(_ *drawing, r *flightRow) string { return offsetText(float64(r.Offset)) }},
	{"length", 6, 0, true, 3, func(_ *drawing, r *flightRow) string { return bytesShort(float64(r.Length)) }},
	{"age", 6, 0, true, 1, func(d *drawing, r *flightRow) string { return took(r.Age, d.theme.glyphs.micro) }},
	{"", 5, 0, false, 5, func(_ *drawing, r *flightRow) string { _, word := r.word(); return word }},
	{"from byte", 16, 20, true, 6, func(_ *drawing, r *flightRow) string { return strconv.FormatUint(r.Offset, 10) }},
	{"bytes", 9, 0, true, 7, func(_ *drawing, r *flightRow) string { return strconv.FormatUint(r.Length, 10) }},
}

func wordOf(cmd block.Cmd) string {
	for _, k := range kinds {
		if k.cmd == cmd {
			return k.word
		}
	}
	return ""
}

// inHand is all requests in hand: those in flight, oldest first, then those at the gate.
func inHand(s *session.Snapshot) (list []flightRow, held int) {
	for i := range s.Clients {
		c := &s.Clients[i]
		for _, p := range c.Pending {
			list = append(list, flightRow{c.ID, p})
			if p.Held {
				held++
			}
		}
	}
	slices.SortStableFunc(list, func(a, b flightRow) int {
		if a.Held != b.Held {
			if b.Held {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Age, a.Age)
	})
	return list, held
}

// flight is the requests in flight, oldest first.
func (d *drawing) flight(w, h int) []string {
	list, held := inHand(d.s)
	columns := fitting(withIDs(flightColumns, d.s), w-5)
	rows := []string{titles(d.theme.line(w-2).space(2), columns).fill()}
	visible := max(h-3, 0)
	if len(list) > visible {
		visible = max(visible-1, 0)
	}
	for i := range list[:min(visible, len(list))] {
		row := &list[i]
		r, word := row.word()
		l := d.theme.line(w - 2)
		switch word {
		case "SLOW":
			l.space(1).text(r, "*")
		case "STUCK":
			l.space(1).text(r, "!")
		case "held":
			l.space(1).text(r, "h")
			r = plain
		default:
			l.space(2)
		}
		rows = append(rows, values(l, d, r, columns, row).fill())
	}
	if more := list[min(visible, len(list)):]; len(more) > 0 {
		rows = append(rows, d.theme.line(w-2).space(2).text(plain, d.moreText(more)).fill())
	}
	note := ""
	if queued := queuedIn(d.s); queued > 0 {
		note = fmt.Sprintf("%d wait for a worker", queued)
	}
	title := fmt.Sprintf("in flight %d", len(list)-held)
	if d.s.Held > 0 || held > 0 {
		note = fmt.Sprintf("held %d", max(d.s.Held, held))
	}
	return d.box(panelFlight, w, h, title, note, rows)
}

// moreText sums up those that there is no room for.
func (d *drawing) moreText(list []flightRow) string {
	var held, slow int
	for i := range list {
		switch _, word := list[i].word(); word {
		case "held":
			held++
		case "SLOW", "STUCK":
			slow++
		}
	}
	text := fmt.Sprintf("%s%d more", d.theme.glyphs.ellipsis, len(list))
	switch {
	case held == len(list):
		return text + ", all held"
	case held > 0:
		text += fmt.Sprintf(", %d held", held)
	}
	if slow > 0 {
		return text + fmt.Sprintf(", %d slow", slow)
	}
	return text + ", none over 1 s"
}

// queuedIn is how many requests wait for a worker of their connection.
func queuedIn(s *session.Snapshot) (n int) {
	for i := range s.Clients {
		n += s.Clients[i].Queued
	}
	return n
}
