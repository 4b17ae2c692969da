package ui

import (
	"fmt"
	"math"
	"strings"

	"example.com/nbdtui/internal/session"
)

// coverage is how much of the export was touched: a bar, in a box where the plan has room for one.
func (d *drawing) coverage(at spot) []string {
	switch {
	case d.view.zoom:
		return d.coverageScreen(at.w, at.h)
	case !at.boxed:
		return []string{d.coverageRow(at.w, "coverage")}
	}
	return d.box(panelCoverage, at.w, at.h, "coverage", "", []string{d.coverageRow(at.w-2, "")})
}

// coverageRow is a label, the bar, and numbers for which there is room; the bar has what they leave.
func (d *drawing) coverageRow(w int, label string) string {
	const percent, least, good = 7, 8, 24
	eta := len("  stalled 00:12")
	if w < 60 {
		eta = len("  ETA 1:02:03")
	}
	l := d.theme.line(w).space(1)
	room := w - 2 - percent
	take := func(n, keep int) bool {
		if room-n < keep {
			return false
		}
		room -= n
		return true
	}
	if label != "" && take(len(label)+1, 0) {
		l.text(plain, label).space(1)
	}
	full := d.s.Progress
	full.Done = full.Size
	cells := 2 + len(amountText(&full)) // as much as it will ever take
	times := take(eta, least)
	amounts := take(cells, good)
	if room >= least {
		d.bar(l, room)
	}
	l.right(strong, percent, percentText(&d.s.Progress))
	if amounts {
		l.right(plain, cells, amountText(&d.s.Progress))
	}
	if times {
		text := etaText(d.s)
		if len(text)+2 > eta {
			text, _, _ = strings.Cut(text, " ")
		}
		l.right(plain, eta, text)
	}
	return l.fill()
}

// bar draws n cells: what was read and written, the shorter of the two over the longer; holes that are known; the rest.
// No cell is drawn before all of it was touched.
func (d *drawing) bar(l *line, n int) {
	p, g := &d.s.Progress, d.theme.glyphs
	drawn := 0
	stretch := func(r role, glyph string, bytes uint64) {
		end := n
		if bytes < p.Size {
			end = min(int(float64(bytes)/float64(p.Size)*float64(n)), n-1)
		}
		if end > drawn {
			l.repeat(r, glyph, end-drawn)
			drawn = end
		}
	}
	read := p.Read - min(p.Holes, p.Read)
	if p.Written < read {
		stretch(writing, g.written, p.Written)
		stretch(reading, g.read, read)
	} else {
		stretch(reading, g.read, read)
		stretch(writing, g.written, p.Written)
	}
	stretch(reading, g.hole, p.Done)
	stretch(border, g.rest, p.Size)
}

// coverageScreen is the bar with all that is known, for a screen of its own.
func (d *drawing) coverageScreen(w, h int) []string {
	p, t, g := &d.s.Progress, d.theme, d.theme.glyphs
	rows := []string{t.line(w - 2).fill(), d.coverageRow(w-2, ""), t.line(w - 2).fill()}
	read := p.Read - min(p.Holes, p.Read)
	for _, part := range [...]struct {
		role  role
		glyph string
		word  string
		bytes uint64
	}{
		{reading, g.read, "read", read},
		{writing, g.written, "written", p.Written},
		{reading, g.hole, "holes", p.Holes},
		{border, g.rest, "untouched", p.Size - min(p.Done, p.Size)},
	} {
		rows = append(rows, t.line(w-2).space(1).text(part.role, strings.Repeat(part.glyph, 2)).space(2).left(plain, 10, part.word).
			right(strong, 10, bytesText(float64(part.bytes))).right(plain, 9, fmt.Sprintf("%.1f%%", percent(part.bytes, p.Size))).fill())
	}
	rows = append(rows, t.line(w-2).fill(), t.line(w-2).space(5).left(plain, 10, "new").
		right(strong, 10, bytesText(p.Rate)).text(plain, "/s of what was not touched before").fill())
	return d.box(panelCoverage, w, h, "coverage", "", rows)
}

// coverageText is how far the session is: "43.1%, ETA 00:42".
func coverageText(s *session.Snapshot) string {
	text := percentText(&s.Progress)
	if eta := etaText(s); eta != "" {
		text += ", " + eta
	}
	return text
}

func percentText(p *session.Progress) string { return fmt.Sprintf("%.1f%%", percent(p.Done, p.Size)) }

// percent is rounded down: nothing is 100 before all is there.
func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(uint64(float64(part)/float64(whole)*1000)) / 10
}

// amountText is what was touched of how much, rounded down: "19.0/44.0 GiB".
func amountText(p *session.Progress) string {
	_, power := scaled(float64(p.Size))
	whole := bytesText(float64(p.Size))
	if power == 0 {
		return fmt.Sprintf("%d/%s", p.Done, whole)
	}
	done := math.Floor(math.Ldexp(float64(p.Done), -10*power)*10) / 10
	return fmt.Sprintf("%.1f/%s", done, whole)
}

// etaText is when the rest will be covered, or why that cannot be told; empty when all is.
func etaText(s *session.Snapshot) string {
	p := &s.Progress
	switch {
	case p.Done == 0 || p.Done >= p.Size, s.State >= session.Waiting, resting(s): // nobody goes on
		return ""
	case s.State == session.Pausing || s.State == session.Paused:
		return "ETA held"
	case p.Stalled > 0:
		return "stalled " + clock(p.Stalled)
	case p.ETA > 0:
		return "ETA " + clock(p.ETA)
	}
	return "ETA --"
}
