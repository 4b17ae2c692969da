package ui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"example.com/nbdtui/internal/captive"
)

// The inline dashboard is a strip below the child's output, on the terminal's own screen: lines that have left the
// child's screen are the terminal's for ever, and can be scrolled back to and copied as everything else there.

// stripRows is the strip's height on a screen of h rows.
func stripRows(h int) int {
	if h < 8 {
		return 1
	}
	return 4
}

// inlinePlan gives the strip what it needs, and the child the rest. Where the strip stands, the child's output decides.
func inlinePlan(z size, s shape) plan {
	var p plan
	p[panelChild].area = area{w: z.w, h: max(z.h-stripRows(z.h), 1)}
	p[panelThroughput].area = area{w: z.w, h: 1}
	if s.sized {
		p[panelCoverage].area = area{w: z.w, h: 1}
	}
	return p
}

// liveRows is how many of the child's rows are in use: up to the last one that holds anything, or to the cursor.
func liveRows(c *captive.Screen, typing bool) int {
	n := len(c.Lines)
	for n > 0 && c.Lines[n-1] == "" {
		n--
	}
	if typing || c.CursorX > 0 {
		n = max(n, c.CursorY+1)
	}
	return min(n, len(c.Lines))
}

// inlineRows are the child's rows in use, and the strip.
func (d *drawing) inlineRows() []string {
	var rows []string
	for y := range liveRows(d.child, d.view.typing) {
		rows = append(rows, d.theme.cutRow(d.theme.screenRow(d.child.Lines[y]), d.size.w))
	}
	if stripRows(d.size.h) == 1 {
		if d.view.ask != askNothing {
			return append(rows, d.footer())
		}
		return append(rows, d.stateLine())
	}
	coverage := d.theme.line(d.size.w-1).space(1).text(plain, d.theme.clean(d.s.URI)).String()
	if list := d.rows(panelCoverage); len(list) > 0 {
		coverage = list[0]
	}
	return append(rows, d.stateLine(), coverage, d.rows(panelThroughput)[0], d.footer())
}

// cutRow is a row of the child's that takes no more than n cells.
func (t theme) cutRow(row string, n int) string {
	if width(row) <= n {
		return row
	}
	return ansi.Truncate(row, n, "") + "\x1b[m"
}

// mostAbove is how many lines are put above the strip at a time. A terminal takes no longer for them than for a frame.
const mostAbove = 500

// above are the child's lines from one number to another, which have left its screen, as they are put above the strip of
// w cells. It may be called at any time.
func (b *board) above(from, to uint64, w int) []string {
	var rows []string
	start := max(from, to-min(to, mostAbove))
	p := b.session.Page(start, int(to-start))
	if p.Skipped || p.First > from {
		rows = append(rows, b.theme.line(w-1).text(warning, "* output was skipped here: it came faster than it could be shown").String())
	}
	for _, row := range p.Lines[:min(uint64(len(p.Lines)), to-min(to, p.First))] {
		rows = append(rows, b.theme.screenRow(row))
	}
	return rows
}

// scroller is what the output remembers of an inline dashboard. The goroutine that writes has it.
type scroller struct {
	lines  func(from, to uint64, w int) []string // the child's, that have left its screen
	put    uint64                                // the number of the next one to be put above
	cursor int                                   // the row of the frame that the terminal's cursor is in
}

// paintInline adds what puts the child's new lines above the frame, and draws what has changed of it.
func (o *output) paintInline(b []byte, p picture) []byte {
	s, other := o.inline, o.shown.run != 0 && p.run != o.shown.run
	if other { // what the last run left on its screen stays
		s.put = 0
	}
	var lines []string
	if p.above > s.put {
		lines = s.lines(s.put, p.above, p.size.w)
		s.put = p.above
	}
	if p == o.shown && len(lines) == 0 {
		return b
	}
	b = append(b, ansi.SetModeSynchronizedOutput+ansi.HideCursor+"\r"...)
	if up := o.height(o.rows[:min(s.cursor, len(o.rows))], p.size.w); up > 0 {
		b = append(b, ansi.CursorUp(up)...)
	}
	old := o.height(o.rows, p.size.w)
	if other && o.shown.live > 0 {
		b = append(b, strings.Repeat("\r\n", o.shown.live)...)
		old -= o.shown.live
	}
	if len(lines) > 0 || other || p.size != o.shown.size {
		o.rows = nil
	}
	rows := strings.Split(p.frame, "\n")
	for y, row := range append(lines, rows...) {
		if y > 0 {
			b = append(b, "\r\n"...)
		}
		if y < len(o.rows) && o.rows[y] == row {
			continue
		}
		b = append(b, row...)
		if width(row) < p.size.w {
			b = append(b, "\x1b[m"+ansi.EraseLineRight...)
		}
	}
	if more := old - len(lines) - len(rows); more > 0 {
		b = erase(append(b, "\r\n"...), more)
		b = append(b, ansi.CursorUp(1)...)
	}
	s.cursor = len(rows) - 1
	b = o.stand(b, p.posture)
	if p.caret && p.y < len(rows) {
		if up := s.cursor - p.y; up > 0 {
			b = append(b, ansi.CursorUp(up)...)
		}
		b = append(append(b, ansi.CursorHorizontalAbsolute(p.x+1)...), ansi.ShowCursor...)
		s.cursor = p.y
	}
	o.shown, o.rows = p, rows
	return append(b, ansi.ResetModeSynchronizedOutput...)
}

// height is how many rows of a terminal some of ours take: one that has become narrower has broken them.
func (o *output) height(rows []string, w int) (n int) {
	for _, row := range rows {
		n += max((width(row)+w-1)/max(w, 1), 1)
	}
	return n
}

// leaveInline takes the strip away, and leaves the cursor where it was.
func (o *output) leaveInline(b []byte) []byte {
	s := o.inline
	b = append(b, '\r')
	switch n := s.cursor - o.shown.live; {
	case n > 0:
		b = append(b, ansi.CursorUp(n)...)
	case n < 0:
		b = append(b, ansi.CursorDown(-n)...)
	}
	return append(erase(b, len(o.rows)-o.shown.live), ansi.ShowCursor...)
}

// erase adds what empties n rows from the cursor's on, and goes back to the first. Erasing all that is below in one go
// makes tmux keep it, where it is the whole screen.
func erase(b []byte, n int) []byte {
	for i := range n {
		if i > 0 {
			b = append(b, "\r\n"...)
		}
		b = append(b, ansi.EraseEntireLine...)
	}
	if n > 1 {
		b = append(b, ansi.CursorUp(n-1)...)
	}
	return append(b, '\r')
}

// live is how many of the child's rows an inline dashboard shows.
func (b *board) live() int {
	if !b.view.inline {
		return 0
	}
	return liveRows(&b.screen, b.view.typing)
}
