package ui

import (
	"cmp"
	"io"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
	"pgregory.net/rapid"
)

// painted is what a terminal shows, a row each, to whom some frames were painted one after the other.
func painted(z size, frames ...string) []string {
	term := vt.NewEmulator(z.w, z.h)
	defer term.InputPipe().(io.Closer).Close()
	o := newOutput(nil, nil)
	for _, frame := range frames {
		term.Write(o.paint(nil, picture{frame: frame, size: z}))
	}
	rows := make([]string, z.h)
	for y := range rows {
		pen := ""
		for x := range z.w {
			c := term.CellAt(x, y)
			if c.Style.String() != pen {
				pen = c.Style.String()
				rows[y] += "<" + strings.Trim(pen, "\x1b[") + ">"
			}
			rows[y] += cmp.Or(c.Content, " ")
		}
	}
	return rows
}

// Whatever a terminal shows, painting another picture leaves nothing of the one before.
func TestPaintingIsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := size{rapid.IntRange(1, 200).Draw(t, "w"), rapid.IntRange(1, 60).Draw(t, "h")}
		th := newTheme(rapid.Bool().Draw(t, "colour"), rapid.Bool().Draw(t, "ascii"))
		first := render(anySnapshot(t), anyScreen(t), anyView(t), z, th)
		second := render(anySnapshot(t), anyScreen(t), anyView(t), z, th)
		was, got, want := painted(z, first), painted(z, first, second), painted(z, second)
		for y := range want {
			if got[y] != want[y] {
				t.Fatalf("row %d was\n%s\nit should be\n%s\nit is\n%s", y, was[y], want[y], got[y])
			}
		}
	})
}

// Little changes are little to write: a number in a long row, whatever stands beside it.
func TestOnlyWhatDiffersIsPainted(t *testing.T) {
	row := func(middle string) string {
		return "\x1b[36m│\x1b[m " + strings.Repeat("left ", 10) + middle + strings.Repeat(" ▁▂▃", 10) + " \x1b[1mright\x1b[m \x1b[36m│\x1b[m"
	}
	for _, c := range []struct{ was, is, want string }{
		{row("12"), row("13"), "\x1b[6;54H3"},
		{row("\x1b[33m12\x1b[m"), row("\x1b[33m13\x1b[m"), "\x1b[6;54H\x1b[33m3"},
		{row("12"), row("\x1b[33m12\x1b[m"), "\x1b[6;53H\x1b[33m12"},
		{"a         b c", "A         B C", "\x1b[6;1HA\x1b[11GB C"},
		{"\x1b[1mlong\x1b[m text", "\x1b[1mlong\x1b[m", "\x1b[6;6H\x1b[K"},
		{"", "\x1b[1;36mred\x1b[m\x1b[33mblue\x1b[m", "\x1b[6;1H\x1b[1;36mred\x1b[0;33mblue"},
		{"wide 中 1", "wide 中 2", "\x1b[6;1Hwide 中 2\x1b[K"},
		{"x\x1b[9G│", "y\x1b[9G│", "\x1b[6;1Hy\x1b[9G│\x1b[K"},
	} {
		var p brush
		if got := string(p.row(nil, 5, c.was, c.is, 120)); got != c.want {
			t.Errorf("from %q to %q: %q, want %q", c.was, c.is, got, c.want)
		}
	}
}
