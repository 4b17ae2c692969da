package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"example.com/nbdtui/internal/session"
)

// eventsPanel has the newest events, the newest last, or older ones where somebody has scrolled; in a box where there is
// room for one.
func (d *drawing) eventsPanel(at spot) []string {
	w, h := at.w, at.h
	if !at.boxed {
		return d.eventList(len(d.events())-1, w, h)
	}
	last, note := d.lastEvent(), ""
	if n := len(d.events()) - 1 - last; n > 0 {
		note = fmt.Sprintf("+%d new", n)
	}
	title := "events"
	if f := &d.view.filter; f.typing || f.text != "" {
		title += " /" + d.theme.clean(f.text)
	}
	return d.box(panelEvents, w, h, title, note, d.eventList(last, w-2, max(h-2, 0)))
}

// events are those that the filter lets through: all that contain its text, in capitals or not.
func (d *drawing) events() []session.Event {
	text := strings.ToLower(d.view.filter.text)
	if text == "" {
		return d.s.Events
	}
	var list []session.Event
	for _, e := range d.s.Events {
		if strings.Contains(strings.ToLower(e.Text), text) {
			list = append(list, e)
		}
	}
	return list
}

// lastEvent is the index of the last event in sight; -1 where there is none at all.
func (d *drawing) lastEvent() int {
	events := d.events()
	last := len(events) - 1
	if d.view.event == 0 {
		return last
	}
	for last > 0 && events[last].Seq > d.view.event {
		last--
	}
	return last
}

// firstPage is the index of the last of the oldest events that fill a panel.
func (d *drawing) firstPage(w, h int) int {
	events := d.events()
	for i, e := range events {
		if h -= len(d.event(e, w, everything)); h <= 0 {
			return i
		}
	}
	return len(events) - 1
}

// eventList is the events up to one that fit, oldest first, long ones in several rows.
func (d *drawing) eventList(last, w, h int) []string {
	events, rows := d.events(), make([]string, h)
	left := h
	for i := last; i >= 0 && left > 0; i-- {
		lines := d.event(events[i], w, left)
		left -= len(lines)
		copy(rows[left:], lines)
	}
	return rows[left:]
}

// event is one event in rows of w cells, at most so many: a mark, the time, the text.
func (d *drawing) event(e session.Event, w, most int) []string {
	const indent = len("!15:04:05 ")
	r, mark := plain, " "
	switch e.Level {
	case session.Warning:
		r, mark = warning, "*"
	case session.Failure:
		r, mark = failure, "!"
	}
	text := d.theme.clean(e.Text)
	pieces := []string{text}
	if w >= 2*indent {
		pieces = wrap(text, w-indent-1)
	}
	if len(pieces) > most {
		pieces = append(pieces[:most-1], strings.Join(pieces[most-1:], " ")) // which is cut
	}
	rows := make([]string, len(pieces))
	for i, piece := range pieces {
		l := d.theme.line(w)
		if i == 0 {
			l.text(r, mark).text(plain, e.Time.Format("15:04:05 "))
		} else {
			l.space(indent)
		}
		rows[i] = l.text(r, piece).fill()
	}
	return rows
}

// wrap breaks a text at blanks into pieces of at most n cells, and words that are longer where they have to be.
func wrap(s string, n int) []string {
	if width(s) <= n {
		return []string{s}
	}
	var pieces []string
	current := ""
	for word := range strings.FieldsSeq(s) {
		for width(word) > n {
			head := ansi.Truncate(word, n-width(current)-min(len(current), 1), "")
			pieces = append(pieces, strings.TrimLeft(current+" "+head, " "))
			current, word = "", word[len(head):]
		}
		switch {
		case current == "":
			current = word
		case width(current)+1+width(word) <= n:
			current += " " + word
		default:
			pieces = append(pieces, current)
			current = word
		}
	}
	return append(pieces, current)
}
