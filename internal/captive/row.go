package captive

import (
	"strings"
	"unicode"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// row is width cells as text and SGR sequences, without the blanks at the end. Links are left out, and so is whatever
// could move our cursor or break our lines: the child must not reach beyond its panel.
func row(width int, cell func(x int) *uv.Cell) string {
	var (
		out    strings.Builder
		pen    uv.Style
		blanks int
	)
	set := func(s uv.Style) {
		if !s.Equal(&pen) {
			out.WriteString(s.Diff(&pen))
			pen = s
		}
	}
	for x := 0; x < width; {
		text, style, n := glyph(cell, x, width)
		x += n
		if text == " " && style.IsZero() {
			blanks++
			continue
		}
		if blanks > 0 {
			set(uv.Style{})
			out.WriteString(strings.Repeat(" ", blanks))
			blanks = 0
		}
		set(style)
		out.WriteString(text)
	}
	set(uv.Style{})
	return out.String()
}

// glyph is what stands at x and how many columns it takes. Half of a wide character is a blank.
func glyph(cell func(x int) *uv.Cell, x, width int) (text string, style uv.Style, columns int) {
	c := cell(x)
	if c == nil {
		return " ", uv.Style{}, 1
	}
	for n := 1; n < c.Width; n++ {
		if x+n >= width {
			return " ", c.Style, 1
		}
		if tail := cell(x + n); tail == nil || tail.Width != 0 {
			return " ", c.Style, 1
		}
	}
	if c.Width < 1 || !printable(c.Content) || len(c.Content) > 1 && ansi.StringWidth(c.Content) != c.Width {
		return " ", c.Style, 1
	}
	return c.Content, c.Style, c.Width
}

// printable has no control character (C1 among them), no line or paragraph separator, and nothing that reverses the
// direction of what follows.
func printable(s string) bool {
	if len(s) == 1 {
		return ' ' <= s[0] && s[0] < 0x7f
	}
	for _, r := range s {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return false
		}
	}
	return s != ""
}
