package ui

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"example.com/nbdtui/internal/captive"
)

// scrollback is where somebody looks in the child's output while more of it comes. The zero value is the newest.
type scrollback struct {
	on     bool
	top    uint64 // the number of the first line in sight
	since  uint64 // how many lines there were when it began
	prompt bool   // what to search for is being typed
	query  string
	caret  bool // at is shown, and keys move it
	at     place
	marked bool // from mark to at is selected
	mark   place
}

// place is a cell of the child's output.
type place struct {
	line uint64
	cell int
}

func (p place) before(q place) bool { return p.line < q.line || p.line == q.line && p.cell < q.cell }

// selection is the first cell that is selected, and the one behind the last. Without a mark it is the caret's line.
func (s *scrollback) selection() (from, to place) {
	if !s.marked {
		return place{s.at.line, 0}, place{s.at.line, everything}
	}
	from, to = s.mark, s.at
	if to.before(from) {
		from, to = to, from
	}
	to.cell++
	return from, to
}

// everything is more cells than a line has, and more lines than are kept.
const everything = 1 << 30

// maxCopy is how much goes to the clipboard: many terminals take no longer sequence.
const maxCopy = 74_000

// childRows is how many of the child's rows are in sight.
func (b *board) childRows() int { return b.childArea().h }

// newest is the number of the first line in sight while the newest are followed.
func (b *board) newest() uint64 {
	c := &b.screen
	return c.Above + uint64(childTop(c, b.childRows()))
}

// sight is the child's screen, or its output from where somebody looks.
func (b *board) sight() captive.Screen {
	c, s := b.screen, &b.view.back
	if s.on {
		p := b.session.Page(s.top, b.childRows())
		s.top = p.First // what was there may be kept no more
		c.Lines, c.Skipped, c.CursorShown = p.Lines, p.Skipped, false
	}
	return c
}

// childKey does what a key means in the child's panel; it reports whether it means anything there.
func (b *board) childKey(k key) bool {
	s := &b.view.back
	switch k {
	case "/":
		b.stayBack()
		s.prompt, s.query = true, ""
	case "n":
		b.find(-1)
	case "N":
		b.find(+1)
	case "v":
		b.selectChild()
	case "y":
		b.copyChild()
	case "esc":
		switch {
		case s.marked:
			s.marked = false
		case s.caret:
			s.caret = false
		case s.on:
			*s = scrollback{}
		default:
			return false
		}
	default:
		if s.caret {
			return b.moveCaret(k)
		}
		return b.scrollKey(k)
	}
	return true
}

func (b *board) scrollKey(k key) bool {
	page := max(b.childRows()-1, 1)
	switch k {
	case "up", "k":
		b.scrollChild(-1)
	case "down", "j":
		b.scrollChild(+1)
	case "pgup":
		b.scrollChild(-page)
	case "pgdown":
		b.scrollChild(+page)
	case "home", "g":
		b.scrollChild(-all)
	case "end", "G":
		b.scrollChild(+all)
	default:
		return false
	}
	return true
}

// stayBack begins to look back, at what is in sight.
func (b *board) stayBack() {
	if s := &b.view.back; !s.on {
		s.on, s.top, s.since = true, b.newest(), b.screen.Above
	}
}

// scrollChild moves what is in sight. At the end the newest are followed again, unless something is being selected.
func (b *board) scrollChild(by int) {
	s, newest := &b.view.back, b.newest()
	at := newest
	if s.on {
		at = s.top
	}
	at = b.screen.Oldest + uint64(max(int(at)-int(b.screen.Oldest)+by, 0))
	switch {
	case at < newest:
		b.stayBack()
		s.top = at
	case s.caret:
		s.top = newest
	default:
		*s = scrollback{query: s.query}
	}
}

// selectChild shows the caret, and then sets the mark or takes it away.
func (b *board) selectChild() {
	s := &b.view.back
	if s.caret {
		s.marked, s.mark = !s.marked, s.at
		return
	}
	b.stayBack()
	s.caret = true
	end := s.top + uint64(b.childRows())
	if s.at.line < s.top || s.at.line >= end { // else it is what was found
		s.at = place{s.top, 0}
		if cursor := b.screen.Above + uint64(b.screen.CursorY); cursor >= s.top && cursor < end {
			s.at.line = cursor
		}
	}
}

// moveCaret does what a key does while the caret is shown, and keeps it in sight.
func (b *board) moveCaret(k key) bool {
	s, page := &b.view.back, uint64(max(b.childRows()-1, 1))
	last := b.screen.Above + uint64(max(b.screen.Height-1, 0))
	switch k {
	case "left", "h":
		s.at.cell = max(s.at.cell-1, 0)
	case "right", "l":
		s.at.cell = min(s.at.cell+1, max(b.screen.Width-1, 0))
	case "0", "home":
		s.at.cell = 0
	case "$", "end":
		s.at.cell = max(width(b.line(s.at.line))-1, 0)
	case "up", "k":
		s.at.line -= min(s.at.line, 1)
	case "down", "j":
		s.at.line++
	case "pgup":
		s.at.line -= min(s.at.line, page)
	case "pgdown":
		s.at.line += page
	case "g":
		s.at.line = 0
	case "G":
		s.at.line = last
	default:
		return false
	}
	s.at.line = min(max(s.at.line, b.screen.Oldest), last)
	b.reveal(s.at.line, 0)
	return true
}

// reveal scrolls so far that a line is in sight, with so many lines around it where it was not.
func (b *board) reveal(line uint64, around int) {
	s, rows := &b.view.back, uint64(max(b.childRows(), 1))
	switch {
	case line < s.top:
		s.top = line - min(line, uint64(around))
	case line >= s.top+rows:
		s.top = min(line+1+uint64(around)-rows, b.newest())
		s.top = max(s.top, line+1-min(line+1, rows))
	}
}

// line is the text of one.
func (b *board) line(n uint64) string {
	if p := b.session.Page(n, 1); p.First == n && len(p.Lines) == 1 {
		return ansi.Strip(p.Lines[0])
	}
	return ""
}

// typeQuery takes a key of the search prompt.
func (b *board) typeQuery(k key) {
	s := &b.view.back
	switch {
	case k == "enter":
		s.prompt = false
		b.find(-1)
	case k == "esc":
		s.prompt, s.query = false, ""
	case k == "ctrl+u":
		s.query = ""
	default:
		s.query = edited(s.query, k)
	}
}

// find goes to the next older place (by -1) or newer one (by +1) that has what is searched for.
func (b *board) find(by int) {
	s := &b.view.back
	if s.query == "" {
		b.view.said = "nothing to search for: / begins"
		return
	}
	b.stayBack()
	page := b.session.Page(0, everything)
	var hits []place
	for i, row := range page.Lines {
		for _, m := range matches(ansi.Strip(row), s.query) {
			hits = append(hits, place{page.First + uint64(i), m.from})
		}
	}
	from := place{s.top + uint64(b.childRows()), 0} // from the end of what is in sight
	if s.at.line >= s.top && s.at.before(from) && slices.Contains(hits, s.at) {
		from = s.at
	} else if by > 0 {
		from = place{s.top, -1}
	}
	at := -1
	for i, h := range hits {
		if by < 0 && h.before(from) || by > 0 && at < 0 && from.before(h) {
			at = i
		}
	}
	if len(hits) == 0 {
		b.view.said = "not found: " + s.query
		return
	}
	switch { // it begins again at the other end
	case at < 0 && by < 0:
		at = len(hits) - 1
	case at < 0:
		at = 0
	}
	s.at = hits[at]
	b.reveal(s.at.line, b.childRows()/3)
	b.view.said = fmt.Sprintf("%s of %s", count(uint64(at+1)), plural(len(hits), "place"))
}

// span is some cells of a row.
type span struct{ from, to int }

// matches is where query stands in text. Capitals count only where the query has any.
func matches(text, query string) (spans []span) {
	if query == "" {
		return nil
	}
	if query == strings.ToLower(query) {
		text = strings.Map(unicode.ToLower, text) // a letter for each: cells stay what they are
	}
	for at := 0; ; {
		i := strings.Index(text[at:], query)
		if i < 0 {
			return spans
		}
		from := width(text[:at+i])
		spans = append(spans, span{from, from + width(query)})
		at += i + len(query)
	}
}

// copyChild sends what is selected, or what is in sight, to the terminal's clipboard.
func (b *board) copyChild() {
	s := &b.view.back
	from, to := s.selection()
	if !s.caret {
		b.stayBack()
		from, to = place{s.top, 0}, place{s.top + uint64(b.childRows()) - 1, everything}
	}
	text := b.between(from, to)
	if len(text) > maxCopy {
		b.view.said = fmt.Sprintf("too much for a clipboard: %s", bytesText(float64(len(text))))
		return
	}
	b.clipboard = text
	b.view.said = "copied " + plural(strings.Count(text, "\n")+1, "line")
	s.caret, s.marked = false, false
}

// between is the text of some of the child's output.
func (b *board) between(from, to place) string {
	page := b.session.Page(from.line, int(min(to.line-from.line, everything))+1)
	lines := make([]string, len(page.Lines))
	for i, row := range page.Lines {
		text := ansi.Strip(row)
		switch n := page.First + uint64(i); {
		case n == from.line && n == to.line:
			text = ansi.Cut(text, from.cell, to.cell)
		case n == from.line:
			text = ansi.TruncateLeft(text, from.cell, "")
		case n == to.line:
			text = ansi.Truncate(text, to.cell, "")
		}
		lines[i] = strings.TrimRight(text, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// backNote says in the panel's border where somebody looks.
func (d *drawing) backNote() string {
	s, c := &d.view.back, d.child
	note := fmt.Sprintf("%s %s", d.theme.glyphs.up, count(c.Above-min(s.top, c.Above)))
	if c.Above > s.since {
		note += fmt.Sprintf(" +%s new", count(c.Above-s.since))
	}
	return note
}

// highlighted is a row of the child's with what was found and what is selected in it set off.
func (d *drawing) highlighted(row string, n uint64) string {
	s := &d.view.back
	for _, m := range matches(ansi.Strip(row), s.query) {
		r := found
		if (place{n, m.from}) == s.at {
			r = selected
		}
		row = d.theme.mark(row, m, r)
	}
	if !s.caret {
		return row
	}
	if from, to := s.selection(); s.marked && n >= from.line && n <= to.line {
		m := span{0, max(width(row), 1)}
		if n == from.line {
			m.from = from.cell
		}
		if n == to.line {
			m.to = to.cell
		}
		row = d.theme.mark(row, m, selected)
	}
	if n == s.at.line {
		row = d.theme.mark(row, span{s.at.cell, s.at.cell + 1}, caret)
	}
	return row
}

// mark sets some cells of a row off.
func (t theme) mark(row string, m span, r role) string {
	if n := width(row); n < m.to {
		row += strings.Repeat(" ", m.to-n)
	}
	middle := ansi.Strip(ansi.Cut(row, m.from, m.to))
	return ansi.Truncate(row, m.from, "") + "\x1b[m" + t.line(width(middle)).text(r, middle).String() + ansi.TruncateLeft(row, m.to, "")
}
