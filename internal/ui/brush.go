package ui

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// brush turns rows that a terminal shows into others, and writes no more than the cells that differ.
type brush struct {
	pen     string   // the SGR sequences that hold
	was, is []letter // of the row at hand
}

// letter is a character that is one cell wide beyond doubt, and the SGR sequences since the last reset.
type letter struct{ text, sgr string }

var blank = letter{text: " "}

// maxGap is how many cells that are right already are written once more: to jump over them takes no less.
const maxGap = 4

// row adds what makes the terminal's row y, w cells wide, another. A row with a character of which the terminal may think
// otherwise is written whole.
func (p *brush) row(b []byte, y int, was, is string, w int) []byte {
	var before, after bool
	p.was, before = letters(p.was[:0], was, w)
	p.is, after = letters(p.is[:0], is, w)
	if !before || !after {
		b = append(append(p.dip(b, ""), ansi.CursorPosition(1, y+1)...), is...)
		if width(is) < w {
			b = append(b, ansi.EraseLineRight...)
		}
		return b
	}
	end := w // behind it there are blanks alone
	for end > 0 && p.is[end-1] == blank {
		end--
	}
	at := -1 // the cell that the cursor is in
	for x := range p.is {
		if p.is[x] == p.was[x] {
			continue
		}
		switch {
		case at < 0:
			b = append(b, ansi.CursorPosition(x+1, y+1)...)
			at = x
		case x-at > maxGap:
			b = append(b, ansi.CursorHorizontalAbsolute(x+1)...)
			at = x
		}
		for ; at <= x && at < end; at++ {
			b = append(p.dip(b, p.is[at].sgr), p.is[at].text...)
		}
		if x >= end {
			return append(p.dip(b, ""), ansi.EraseLineRight...)
		}
	}
	return b
}

// dip adds what makes other SGR sequences hold.
func (p *brush) dip(b []byte, sgr string) []byte {
	switch {
	case sgr == p.pen:
	case sgr == "":
		b = append(b, ansi.ResetStyle...)
	case p.pen == "":
		b = append(b, sgr...)
	default:
		b = append(append(b, "\x1b[0;"...), sgr[len("\x1b["):]...)
	}
	p.pen = sgr
	return b
}

// letters takes a row apart into w cells, or reports that it cannot be sure of them.
func letters(list []letter, row string, w int) (_ []letter, sure bool) {
	sgr := ""
	for len(row) > 0 {
		n := 1
		switch r, size := utf8.DecodeRuneInString(row); {
		case r == '\x1b':
			if n = strings.IndexAny(row, "mG") + 1; n == 0 || row[n-1] == 'G' {
				return list, false
			}
			if sgr += row[:n]; row[:n] == ansi.ResetStyle {
				sgr = ""
			}
		case r < utf8.RuneSelf || narrow(r):
			n = size
			list = append(list, letter{row[:n], sgr})
		default:
			return list, false
		}
		row = row[n:]
	}
	if len(list) > w {
		return list, false
	}
	for len(list) < w {
		list = append(list, blank)
	}
	return list, true
}

// narrow is true for the characters that the dashboard itself draws with: lines, blocks, and a few more.
func narrow(r rune) bool {
	return r >= '─' && r <= '▟' || strings.ContainsRune("·µ…↑↓", r)
}
