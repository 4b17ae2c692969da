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
func Summary(s session.Snapshot, tail []string, opts Options) string {
	t := opts.theme()
	var out strings.Builder
	for _, row := range tail {
		fmt.Fprintln(&out, t.screenRow(row))
	}
	fmt.Fprintf(&out, "nbdtui: %s, %s\n", t.clean(s.Source), clock(s.Time.Sub(s.Started)))
	row := func(word, format string, args ...any) {
		fmt.Fprintf(&out, "  %-14s %s\n", word, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
	if s.Child != nil {
		run := ""
		if s.Child.Run > 1 {
			run = fmt.Sprintf(" in run %d", s.Child.Run)
		}
		row("child", "%v%s: %s", s.Child.Status, run, t.clean(s.Child.Command))
	}
	if p := s.Progress; p.Size > 0 {
		row("coverage", "%s, %s", percentText(&p), amountText(&p))
	}
	if s.Pauses > 0 {
		row("paused", "%s, %s in all", plural(s.Pauses, "time"), clock(s.PausedFor))
	} else {
		row("paused", "never")
	}
	row("clients", "%d", s.Seen)
	row("errors", "%d", s.Totals.Errors())
	out.WriteString(t.work(&s))
	return out.String()
}

// work is a table of what was asked for, and how fast it was done.
func (t theme) work(s *session.Snapshot) string {
	const format = "  %-12s%8s%10s%13s%13s%7s%7s%7s\n"
	var rows strings.Builder
	active := max(s.Time.Sub(s.Started)-s.PausedFor, time.Millisecond).Seconds()
	for cmd, n := range s.Totals {
		if n.Requests == 0 {
			continue
		}
		k, took := kind{cmd: block.Cmd(cmd)}, &s.Whole.Took[cmd]
		moved, average, peak := "-", "-", "-"
		if k.moves() {
			moved, average = bytesText(float64(n.Bytes)), bytesText(float64(n.Bytes)/active)+"/s"
		}
		switch {
		case k.cmd == block.Read && s.Peak.Read > 0:
			peak = bytesText(float64(s.Peak.Read)) + "/s"
		case k.cmd == block.Write && s.Peak.Written > 0:
			peak = bytesText(float64(s.Peak.Written)) + "/s"
		}
		fmt.Fprintf(&rows, format, k.cmd, count(n.Requests), moved, average, peak,
			t.latency(took, took.P50), t.latency(took, took.P99), t.latency(took, took.Max))
	}
	if rows.Len() == 0 {
		return ""
	}
	return fmt.Sprintf(format, "", "requests", "bytes", "average", "peak", "p50", "p99", "max") + rows.String()
}
