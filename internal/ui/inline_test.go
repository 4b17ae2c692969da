package ui

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// onTerminal is what a terminal of 80x10 shows, above its screen and on it, after an inline dashboard was painted.
func onTerminal(t *testing.T, paint func(o *output, show func(b []byte))) string {
	t.Helper()
	term := vt.NewEmulator(80, 10)
	go io.Copy(io.Discard, term) // ends with the emulator
	defer func() { term.InputPipe().(io.Closer).Close() }()
	f := newFake(running51())
	for i := range 1000 {
		f.printed = append(f.printed, fmt.Sprintf("line %d.", i))
	}
	b := &board{session: f, theme: newTheme(false, false), view: view{inline: true}}
	paint(newOutput(nil, &scroller{lines: b.above}), func(b []byte) { term.Write(b) })
	var all []string
	for i := range term.ScrollbackLen() {
		all = append(all, strings.TrimRight(term.Scrollback().Line(i).String(), " "))
	}
	for _, row := range strings.Split(term.String(), "\n") {
		all = append(all, strings.TrimRight(row, " "))
	}
	return strings.TrimRight(strings.Join(all, "\n"), "\n")
}

func TestInlinePainting(t *testing.T) {
	z := size{80, 10}
	got := onTerminal(t, func(o *output, show func([]byte)) {
		show(o.paintInline(nil, picture{frame: "line 0.\nstrip 1\nfoot", size: z, run: 1, live: 1}))
		show(o.paintInline(nil, picture{frame: "line 2.\nstrip 2\nfoot", size: z, run: 1, live: 1, above: 2}))
		show(o.paintInline(nil, picture{frame: "line 2.\nline 3.\nstrip 3\nfoot", size: z, run: 1, live: 2, above: 2}))
		show(o.paintInline(nil, picture{frame: "line 3.\nstrip 4\nfoot", size: z, run: 1, live: 1, above: 3,
			posture: posture{caret: true, x: 3, y: 0}}))
		// Another run: what the first one left stays.
		show(o.paintInline(nil, picture{frame: "line 0.\nstrip 5\nfoot", size: z, run: 2, live: 1}))
		show(o.paintInline(nil, picture{frame: "line 1.\nstrip 6\nfoot", size: z, run: 2, live: 1, above: 1}))
		show(append(o.leaveInline(nil), "the end"...))
	})
	if want := "line 0.\nline 1.\nline 2.\nline 3.\nline 0.\nline 1.\nthe end"; got != want {
		t.Errorf("the terminal has\n%s\nwant\n%s", got, want)
	}
}

// What comes faster than a terminal takes it, or is kept no more, is skipped, and told.
func TestInlineSkips(t *testing.T) {
	got := onTerminal(t, func(o *output, show func([]byte)) {
		show(o.paintInline(nil, picture{frame: "foot", size: size{80, 10}, run: 1, above: 900}))
		show(o.leaveInline(nil))
	})
	rows := strings.Split(got, "\n")
	if len(rows) != mostAbove+1 || !strings.HasPrefix(rows[0], "* output was skipped here") || rows[1] != "line 400." || rows[mostAbove] != "line 899." {
		t.Errorf("%d rows: %q to %q", len(rows), rows[:2], rows[len(rows)-1])
	}
}

// A strip has no panels: keys that are about them do nothing.
func TestKeysOfAStrip(t *testing.T) {
	b, f := newBoard(running51())
	b.view.inline = true
	f.took()
	press(b, "z tab 7 / m ? t s 9 up g esc p r")
	if b.view.zoom || b.view.panel != noPanel || b.view.help > 0 || b.view.mouse {
		t.Errorf("%+v", b.view)
	}
	if got := strings.Join(f.took(), ","); got != "resize 80x20,pause,resume" {
		t.Errorf("the session was asked for %q", got)
	}
	if rows := lines(b); len(rows) != 4 || !strings.HasPrefix(rows[0], "[RUNNING]") || !strings.HasSuffix(rows[3], "q quit") {
		t.Errorf("the strip is %q", rows)
	}
	f.set(func(_ *session.Snapshot, c *captive.Screen) {
		*c = captive.Screen{Lines: make([]string, 20), CursorShown: true}
		c.Lines[0] = "$ "
		c.CursorX = 2
	})
	b.typing(true)
	b.refresh()
	if p := b.posture(); len(lines(b)) != 5 || !p.caret || p.x != 2 || p.y != 0 {
		t.Errorf("the cursor is at %+v, the strip %q", p, lines(b))
	}
}
