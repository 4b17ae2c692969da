package ui

import "strings"

// line is a row of the screen under construction. It cannot grow beyond its cells: what does not fit is cut.
type line struct {
	theme theme
	b     []byte
	room  int // cells that are left
}

func (t theme) line(cells int) *line {
	return &line{theme: t, b: make([]byte, 0, 2*max(cells, 0)+32), room: max(cells, 0)}
}

// text adds s, which holds no control characters.
func (l *line) text(r role, s string) *line {
	n := width(s)
	if n > l.room {
		s = l.theme.cut(s, l.room)
		n = width(s)
	}
	if n == 0 {
		return l
	}
	sgr := l.theme.sgr[r]
	if sgr != "" {
		l.b = append(append(append(l.b, "\x1b["...), sgr...), 'm')
	}
	l.b = append(l.b, s...)
	if sgr != "" {
		l.b = append(l.b, "\x1b[m"...)
	}
	l.room -= n
	return l
}

// right adds s at the right of n cells, left at their left.
func (l *line) right(r role, n int, s string) *line { return l.space(n-width(s)).text(r, s) }
func (l *line) left(r role, n int, s string) *line {
	return l.text(r, s).space(n - width(s))
}

// repeat adds a glyph n times.
func (l *line) repeat(r role, glyph string, n int) *line {
	if n = min(n, l.room); n <= 0 {
		return l
	}
	return l.text(r, strings.Repeat(glyph, n))
}

const blanks = "                                                                                                    "

func (l *line) space(n int) *line {
	n = min(n, l.room)
	for l.room -= max(n, 0); n > 0; n -= len(blanks) {
		l.b = append(l.b, blanks[:min(n, len(blanks))]...)
	}
	return l
}

// raw adds what was drawn already and takes so many cells.
func (l *line) raw(s string, cells int) *line {
	if cells <= l.room {
		l.b = append(l.b, s...)
		l.room -= cells
	}
	return l
}

// fill pads the row with blanks to its end.
func (l *line) fill() string { return l.space(l.room).String() }

func (l *line) String() string { return string(l.b) }
