package ui

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// width is how many cells a text takes.
func width(s string) (n int) {
	for _, r := range s {
		if (r < ' ' || r > '~') && !narrow(r) {
			return ansi.StringWidth(s) // which takes its time
		}
		n++
	}
	return n
}

// isPlain is true for printable ASCII: a cell a byte.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cut shortens a text to n cells, the last of which says that something is missing.
func (t theme) cut(s string, n int) string {
	switch {
	case n <= 0:
		return ""
	case width(s) <= n:
		return s
	}
	return ansi.Truncate(s, n, t.glyphs.ellipsis)
}

// clean makes one line of printable text of whatever a client, a file name or an error said.
func (t theme) clean(s string) string {
	if isPlain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector):
			return -1
		}
		return r
	}, ansi.Strip(strings.ToValidUTF8(s, "")))
	return t.screenRow(strings.TrimLeftFunc(s, unicode.IsMark)) // a mark would join what we put before it
}

// screenRow fits a row of text and SGR sequences to the theme: no colours where there are to be none, and a question
// mark for each cell that is not ASCII where the terminal would not understand it.
func (t theme) screenRow(s string) string {
	if isPlain(s) || t.colour() && !t.ascii() {
		return s
	}
	var out strings.Builder
	for state := byte(0); len(s) > 0; {
		piece, cells, n, next := ansi.DecodeSequence(s, state, nil)
		s, state = s[n:], next
		switch {
		case strings.HasPrefix(piece, "\x1b["):
			if !t.colour() {
				piece = uncoloured(piece)
			}
		case t.ascii() && !isPlain(piece):
			piece = strings.Repeat("?", cells)
		}
		out.WriteString(piece)
	}
	return out.String()
}

// uncoloured leaves of an SGR sequence what is no colour.
func uncoloured(sgr string) string {
	params := strings.TrimSuffix(strings.TrimPrefix(sgr, "\x1b["), "m")
	if params == "" {
		return sgr
	}
	var kept []string
	list := strings.Split(params, ";")
	for i := 0; i < len(list); i++ {
		p, _, inOne := strings.Cut(list[i], ":")
		switch {
		case p == "38" || p == "48" || p == "58":
			if !inOne && i+1 < len(list) { // the colour is in the parameters that follow
				i += map[string]int{"5": 2, "2": 4}[list[i+1]]
			}
		case isColour(p):
		default:
			kept = append(kept, list[i])
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "\x1b[" + strings.Join(kept, ";") + "m"
}

// isColour is true for 30 to 49, 59, 90 to 97 and 100 to 107.
func isColour(p string) bool {
	switch len(p) {
	case 2:
		return p[0] == '3' || p[0] == '4' || p == "59" || p[0] == '9' && p[1] <= '7'
	case 3:
		return strings.HasPrefix(p, "10") && p[2] <= '7'
	}
	return false
}
