package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// childPanel is the child's screen in a box, or its last lines where there is no room for one.
func (d *drawing) childPanel(at spot) []string {
	in, w := at.inside(), at.w
	rows := make([]string, 0, in.h)
	y := 0
	if !d.view.back.on {
		y = childTop(d.child, in.h)
	}
	for ; y < len(d.child.Lines) && len(rows) < in.h; y++ {
		rows = append(rows, d.childRow(y, in.w, w-in.w))
	}
	if !at.boxed {
		return rows
	}
	var notes []string
	if d.view.back.on {
		notes = append(notes, d.backNote())
	}
	if d.child.Skipped {
		notes = append(notes, "SKIPPED")
	}
	if d.view.typing {
		notes = append(notes, "keyboard")
	}
	note := strings.Join(notes, " ")
	status := childStatus(d.s.Child)
	if w < 60 {
		status, _, _ = strings.Cut(status, " pid")
	}
	command := d.theme.cut(d.theme.clean(d.s.Child.Command), w-len("+- [child:   ] -+")-len(status)-len(note)-4)
	return d.box(panelChild, w, at.h, "child: "+command+"  "+status, note, rows)
}

// childTop is the first of the child's rows that is shown where its terminal is higher than the panel: the last ones
// that hold anything are in sight, and the cursor where it is further down.
func childTop(c *captive.Screen, visible int) int {
	last := len(c.Lines) - 1
	for last > 0 && c.Lines[last] == "" {
		last--
	}
	if c.CursorShown && c.CursorX > 0 {
		last = max(last, c.CursorY)
	}
	return max(0, min(last-visible+1, c.CursorY))
}

// childRow is a row of the child's in sight, cut or padded to w cells. Where the terminal may have another idea of the width
// of a character than we have, the cursor is told where the row ends, if borders follow.
func (d *drawing) childRow(y, w, borders int) string {
	row := d.theme.screenRow(d.child.Lines[y])
	if d.view.back.on {
		row = d.highlighted(row, d.view.back.top+uint64(y))
	}
	n := width(row)
	if n > w {
		row = ansi.Truncate(row, w, "") + "\x1b[m"
		n = width(row)
	}
	l := d.theme.line(w).raw(row, n).space(w - n)
	if ascii := strings.IndexFunc(row, func(r rune) bool { return r > '~' }) < 0; !ascii && borders > 0 {
		l.b = fmt.Appendf(l.b, "\x1b[%dG", w+2)
	}
	return l.String()
}

func childStatus(c *session.Child) string {
	switch {
	case !c.Ended.IsZero():
		return c.Status.String()
	case c.Pid == 0:
		return "STARTING"
	}
	return fmt.Sprintf("RUNNING pid %d", c.Pid)
}

// uri is what stands in the child's place where there is none: how clients find the server.
func (d *drawing) uri(w, h int) []string {
	uri := d.theme.clean(d.s.URI)
	var rows []string
	add := func(r role, s string) { rows = append(rows, d.theme.line(w-2).space(2).text(r, s).fill()) }
	blank := func() {
		if h >= uriRows {
			add(plain, "")
		}
	}
	blank()
	for rest := uri; rest != ""; { // all of it, whatever it takes: it is there to be copied
		piece := ansi.Truncate(rest, w-6, "")
		add(strong, piece)
		rest = rest[len(piece):]
	}
	blank()
	for _, command := range [...]string{"nbdinfo %s", "qemu-img convert -p %s copy.img", "nbdcopy --progress %s copy.img"} {
		full := fmt.Sprintf(command, "'"+uri+"'")
		if width(full) > w-6 {
			full = fmt.Sprintf(command, "URI")
		}
		add(plain, full)
	}
	if h < minBox {
		return rows[:min(h, len(rows))]
	}
	return d.theme.box(w, h, false, "connect to", "", rows[:min(h-2, len(rows))])
}

// caret is where the child's cursor stands on the screen, if it is to be seen.
func (b *board) caret() (x, y int, shown bool) {
	c := &b.screen
	at := b.childArea()
	row := c.CursorY - childTop(c, at.h)
	return at.x + c.CursorX, at.y + row, c.CursorShown && c.CursorX < at.w && row < at.h
}
