package ui

import (
	"regexp"
	"testing"
)

func TestThemes(t *testing.T) {
	env := map[string]string{"LANG": "C.UTF-8"}
	getenv := func(name string) string { return env[name] }
	for _, name := range Themes() {
		th := themeFor(Options{Theme: name}, getenv)
		if (name != "mono") != th.colour() || th.ascii() {
			t.Errorf("%s: colour %v, ASCII %v", name, th.colour(), th.ascii())
		}
		if !themeFor(Options{Theme: name, ASCII: true}, getenv).ascii() {
			t.Errorf("%s: ASCII was asked for", name)
		}
		for r, code := range th.sgr {
			if !regexp.MustCompile(`^([0-9]+(;[0-9]+)*)?$`).MatchString(code) || role(r) != plain && code == "" && th.colour() {
				t.Errorf("%s: role %d looks like %q", name, r, code)
			}
		}
		for _, pair := range [][2]role{{reading, writing}, {held, bad}, {held, moving}, {good, bad}, {warning, failure}, {border, focus}} {
			if th.colour() && th.sgr[pair[0]] == th.sgr[pair[1]] {
				t.Errorf("%s: roles %v look the same", name, pair)
			}
		}
	}
	for name := range palettes {
		if th := themeFor(Options{Theme: name}, getenv); *th.sgr == colours {
			t.Errorf("%s is the usual theme", name)
		}
		for _, no := range []string{"1", "0", "false", "yes"} {
			env["NO_COLOR"] = no
			if themeFor(Options{Theme: name}, getenv).colour() {
				t.Errorf("%s has colours under NO_COLOR=%s", name, no)
			}
		}
		env["NO_COLOR"] = ""
	}
}

// Each glyph has an ASCII twin of as many cells, but for the words.
func TestEveryGlyphHasATwin(t *testing.T) {
	list := func(g *glyphs) []string {
		return append([]string{g.light.h, g.light.v, g.light.tl, g.light.tr, g.light.br, g.light.bl, g.heavy.h, g.heavy.v, g.heavy.tl,
			g.heavy.tr, g.heavy.br, g.heavy.bl, g.paused, g.read, g.written, g.hole, g.rest, g.micro, g.ellipsis}, g.levels[:]...)
	}
	unicode, ascii := list(&unicodeGlyphs), list(&asciiGlyphs)
	for i, g := range ascii {
		if !isPlain(g) || width(g) != 1 || width(unicode[i]) != 1 {
			t.Errorf("%q and %q", unicode[i], g)
		}
	}
}
