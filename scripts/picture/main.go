// Command picture runs a program in a terminal, types, and writes what the screen shows as SVG: the pictures of the
// documentation are of the real thing.
//
//	picture -size 120x40 -out dashboard.svg -await 'regexp' -type keys -await 'regexp' -- program args…
//
// -await and -type are done in the order in which they are given; the picture is taken after the last of them.
package main

import (
	"flag"
	"fmt"
	"image/color"
	"log"
	"os"
	"os/exec"
	"regexp"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"example.com/nbdtui/internal/terminaltest"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("picture: ")
	var steps []func(x *terminaltest.Terminal)
	size := flag.String("size", "80x24", "cells")
	out := flag.String("out", "", "the SVG file")
	flag.Func("await", "wait for a regular expression on the screen", func(s string) error {
		r, err := regexp.Compile(s)
		steps = append(steps, func(x *terminaltest.Terminal) { x.Until(s, r.MatchString) })
		return err
	})
	flag.Func("type", "type keys", func(s string) error {
		steps = append(steps, func(x *terminaltest.Terminal) { x.Type(s) })
		return nil
	})
	flag.Parse()
	var width, height int
	if _, err := fmt.Sscanf(*size, "%dx%d", &width, &height); err != nil || flag.NArg() == 0 {
		log.Fatalf("say -size 80x24, and a program behind --")
	}
	cmd := exec.Command(flag.Arg(0), flag.Args()[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	var t sitting
	x := terminaltest.Start(&t, width, height, cmd)
	defer t.end()
	for _, step := range steps {
		step(x)
	}
	x.Look(func(screen *vt.Emulator) {
		if err := os.WriteFile(*out, []byte(draw(screen, width, height)), 0o644); err != nil {
			t.Fatalf("%v", err)
		}
	})
}

// sitting is what a test is to a terminal.
type sitting struct{ end func() }

func (s *sitting) Helper()          {}
func (s *sitting) Cleanup(f func()) { s.end = f }

// Errorf and Fatalf end the program, and with it the terminal.
func (s *sitting) Errorf(format string, args ...any) { log.Fatalf(format, args...) }
func (s *sitting) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }

// Cells are 8.4 x 16.4 units: what a monospaced font of 14 fills.
const (
	cellWidth, cellHeight = 8.4, 16.4
	margin                = 12.0
	background            = "#1d2026"
	foreground            = "#d8dce4"
)

// palette is the first 16 colours, chosen to be told apart by everybody on the background.
var palette = [16]string{
	"#1d2026", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dce4",
	"#5c6370", "#ef8891", "#b1d196", "#f0d197", "#82c4f8", "#d79ae8", "#7dcdd6", "#ffffff",
}

func hex(c color.Color, otherwise string) string {
	switch c := c.(type) {
	case nil:
		return otherwise
	case ansi.BasicColor:
		return palette[c]
	case ansi.IndexedColor:
		if c < 16 {
			return palette[c]
		}
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

// look is how a run of cells is drawn.
type look struct {
	fg, bg      string
	bold, under bool
}

func lookOf(c *uv.Cell) look {
	l := look{hex(c.Style.Fg, foreground), hex(c.Style.Bg, background), c.Style.Attrs&uv.AttrBold != 0, c.Style.Underline != 0}
	if c.Style.Attrs&uv.AttrReverse != 0 {
		l.fg, l.bg = l.bg, l.fg
	}
	return l
}

func draw(term *vt.Emulator, width, height int) string {
	var b strings.Builder
	w, h := float64(width)*cellWidth+2*margin, float64(height)*cellHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	b.WriteString(`<g font-family="ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="14" xml:space="preserve">` + "\n")
	for y := range height {
		for x := 0; x < width; {
			start, text := x, strings.Builder{}
			first := term.CellAt(x, y)
			if first == nil {
				break
			}
			l := lookOf(first)
			for x < width {
				c := term.CellAt(x, y)
				if c == nil || lookOf(c) != l {
					break
				}
				if c.Content == "" {
					text.WriteByte(' ')
				}
				text.WriteString(c.Content)
				x += max(c.Width, 1)
			}
			run(&b, l, start, x, y, text.String())
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func run(b *strings.Builder, l look, from, to, y int, text string) {
	x, w := margin+float64(from)*cellWidth, float64(to-from)*cellWidth
	if l.bg != background {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, margin+float64(y)*cellHeight, w, cellHeight, l.bg)
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	attrs := ""
	if l.bold {
		attrs += ` font-weight="bold"`
	}
	if l.under {
		attrs += ` text-decoration="underline"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs" fill="%s"%s>%s</text>`+"\n",
		x, margin+float64(y)*cellHeight+13, w, l.fg, attrs, escape.Replace(text))
}
