package ui

import (
	"fmt"
	"strings"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// Summary is what stays on the terminal when the dashboard has gone: tail, the child's last lines, and what was done.
// It ends with a newline.
func Summary(s session.Snapshot, tail []string) string {
	t := userTheme()
	var out strings.Builder
	for _, row := range tail {
		fmt.Fprintln(&out, t.screenRow(row))
	}
	fmt.Fprintf(&out, "nbdtui: %s, %s\n", t.clean(s.Source), clock(s.Time.Sub(s.Started)))
	row := func(word, format string, args ...any) {
		fmt.Fprintf(&out, "  %-14s %s\n", word, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
	if s.Child != nil {
		row("child", "%v: %s", s.Child.Status, t.clean(s.Child.Command))
	}
	active := max(s.Time.Sub(s.Started)-s.PausedFor, time.Millisecond).Seconds()
	for cmd, n := range s.Totals {
		if n.Requests == 0 {
			continue
		}
		moved, noun := "", "requests"
		if (kind{cmd: block.Cmd(cmd)}).moves() && n.Bytes > 0 {
			moved = fmt.Sprintf("%10s %11s/s on average", bytesText(float64(n.Bytes)), bytesText(float64(n.Bytes)/active))
		}
		if n.Requests == 1 {
			noun = "request"
		}
		row(block.Cmd(cmd).String(), "%7s %-8s %s", count(n.Requests), noun, moved)
	}
	if s.Pauses > 0 {
		row("paused", "%s, %s in all", plural(s.Pauses, "time"), clock(s.PausedFor))
	}
	row("clients", "%d", s.Seen)
	row("errors", "%d", s.Totals.Errors())
	return out.String()
}
