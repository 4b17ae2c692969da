package ui

import (
	"fmt"
	"strings"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// Summary is what stays on the terminal, which is w cells wide, when the dashboard has gone: tail, the child's last lines,
// and what was done. It ends with a newline.
func Summary(s session.Snapshot, tail []string, w int, opts Options) string {
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
	out.WriteString(t.work(&s, w))
	return out.String()
}

var summaryColumns = []column[requestRow]{
	{"", 12, 0, false, 0, func(_ *drawing, r *requestRow) string { return r.cmd.String() }},
	{"requests", 8, 0, true, 1, func(_ *drawing, r *requestRow) string { return count(r.counts.Requests) }},
	{"bytes", 9, 0, true, 2, func(_ *drawing, r *requestRow) string {
		if !r.moves() {
			return "-"
		}
		return bytesText(float64(r.counts.Bytes))
	}},
	{"average", 11, 0, true, 4, func(d *drawing, r *requestRow) string {
		if !r.moves() {
			return "-"
		}
		active := max(d.s.Time.Sub(d.s.Started)-d.s.PausedFor, time.Millisecond)
		return bytesText(float64(r.counts.Bytes)/active.Seconds()) + "/s"
	}},
	{"peak", 11, 0, true, 7, func(d *drawing, r *requestRow) string {
		peak := map[block.Cmd]uint64{block.Read: d.s.Peak.Read, block.Write: d.s.Peak.Written}[r.cmd]
		if peak == 0 {
			return "-"
		}
		return bytesText(float64(peak)) + "/s"
	}},
	{"p50", 6, 0, true, 5, func(d *drawing, r *requestRow) string { return d.theme.latency(&r.took, r.took.P50) }},
	{"p99", 6, 0, true, 3, func(d *drawing, r *requestRow) string { return d.theme.latency(&r.took, r.took.P99) }},
	{"max", 6, 0, true, 6, func(d *drawing, r *requestRow) string { return d.theme.latency(&r.took, r.took.Max) }},
}

// work is a table of what was asked for, and how fast it was done, in the columns that there is room for.
func (t theme) work(s *session.Snapshot, w int) string {
	columns := fitting(summaryColumns, w-1) // behind the last there is no blank
	var rows strings.Builder
	add := func(l *line) { rows.WriteString(strings.TrimRight(l.String(), " ") + "\n") }
	for cmd, n := range s.Totals {
		if n.Requests == 0 {
			continue
		}
		if rows.Len() == 0 {
			add(titles(t.line(w).space(2), columns))
		}
		r := requestRow{kind{cmd: block.Cmd(cmd)}, n, s.Whole.Took[cmd]}
		add(values(t.line(w).space(2), &drawing{s: s, theme: t}, plain, columns, &r))
	}
	return rows.String()
}
