package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// childPanel is the child's screen in a box, or its last line where there is no room for one.
func (d *drawing) childPanel() []string {
	w, h := d.size.w-d.plan.beside, d.plan.main
	if h < 3 {
		return d.childTail(w, h)
	}
	note := ""
	if d.child.Skipped {
		note = "SKIPPED"
	}
	status := childStatus(d.s.Child)
	if w < 60 {
		status, _, _ = strings.Cut(status, " pid")
	}
	command := d.theme.cut(d.theme.clean(d.s.Child.Command), w-len("+- [child:   ] -+")-len(status)-len(note)-4)
	title := "child: " + command + "  " + status
	rows := make([]string, 0, h-2)
	for y := d.childTop(h - 2); y < len(d.child.Lines) && len(rows) < h-2; y++ {
		rows = append(rows, d.childRow(d.child.Lines[y], w-2))
	}
	return d.theme.box(w, h, d.view.focus, title, note, rows)
}

// childTop is the first of the child's rows that is shown. While its terminal is still higher than the panel, the
// cursor's row counts most.
func (d *drawing) childTop(rows int) int { return max(0, d.child.CursorY-rows+1) }

// childRow is a row of the child's, cut or padded to w cells. Where the terminal may have another idea of the width
// of a character than we have, the cursor is told where the row ends.
func (d *drawing) childRow(row string, w int) string {
	row = d.theme.screenRow(row)
	n := width(row)
	if n > w {
		row = ansi.Truncate(row, w, "") + "\x1b[m"
		n = width(row)
	}
	l := d.theme.line(w).raw(row, n).space(w - n)
	if ascii := strings.IndexFunc(row, func(r rune) bool { return r > '~' }) < 0; !ascii {
		l.b = fmt.Appendf(l.b, "\x1b[%dG", w+2)
	}
	return l.String()
}

// childTail is the last lines of the child that hold anything.
func (d *drawing) childTail(w, h int) []string {
	lines := d.child.Lines
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	rows := make([]string, 0, h)
	for _, row := range lines[max(0, len(lines)-h):] {
		rows = append(rows, d.childRow(row, w))
	}
	return rows
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
func (d *drawing) uri() []string {
	w, h := d.size.w, d.plan.main
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
	if h < 3 {
		return rows[:min(h, len(rows))]
	}
	return d.theme.box(w, h, false, "connect to", "", rows[:min(h-2, len(rows))])
}

// caret is where the child's cursor stands on a screen of size z, if it is to be seen.
func caret(c *captive.Screen, z size) (x, y int, shown bool) {
	w, h := childSize(z)
	p := planFor(z, true)
	if !c.CursorShown || p.main < 3 || z.w < minWidth || c.CursorX >= w {
		return 0, 0, false
	}
	return 1 + c.CursorX, 1 + p.throughput + p.clients + 1 + min(c.CursorY, h-1), true
}
