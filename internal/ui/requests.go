package ui

import (
	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// kind is a command under the name that the dashboard has room for.
type kind struct {
	cmd  block.Cmd
	word string
	role role
}

// kinds are in the order of what is looked for first.
var kinds = [...]kind{
	{block.Read, "read", reading},
	{block.Write, "write", writing},
	{block.Flush, "flush", plain},
	{block.BlockStatus, "status", plain},
	{block.Trim, "trim", plain},
	{block.WriteZeroes, "zero", plain},
	{block.Cache, "cache", plain},
}

// moves is true for commands whose bytes say something.
func (k kind) moves() bool { return k.cmd != block.Flush && k.cmd != block.BlockStatus }

// requestRow is what is known of a kind of request.
type requestRow struct {
	kind
	counts block.OpCount
	took   block.Quantiles
}

var requestColumns = []column[requestRow]{
	{"", 6, 0, false, 0, func(_ *drawing, r *requestRow) string { return r.word }},
	{"requests", 8, 12, true, 1, func(_ *drawing, r *requestRow) string { return count(r.counts.Requests) }},
	{"bytes", 9, 12, true, 5, func(_ *drawing, r *requestRow) string {
		if !r.moves() {
			return ""
		}
		return bytesText(float64(r.counts.Bytes))
	}},
	{"errors", 7, 0, true, 7, func(_ *drawing, r *requestRow) string { return count(r.counts.Errors) }},
	{"p50", 6, 0, true, 2, func(d *drawing, r *requestRow) string { return d.theme.latency(&r.took, r.took.P50) }},
	{"p90", 6, 0, true, 6, func(d *drawing, r *requestRow) string { return d.theme.latency(&r.took, r.took.P90) }},
	{"p99", 6, 0, true, 3, func(d *drawing, r *requestRow) string { return d.theme.latency(&r.took, r.took.P99) }},
	{"max", 6, 0, true, 4, func(d *drawing, r *requestRow) string { return d.theme.latency(&r.took, r.took.Max) }},
}

// tableWidth is what the table of requests needs; beside it the histogram has room.
const tableWidth = 60

// requests has a row for each kind with its latencies, or for the first few where there is not room for all; the
// others share the last row. Beside them stands a histogram, if there is room.
func (d *drawing) requests(w, h int) []string {
	if d.view.zoom {
		return d.requestsScreen(w, h)
	}
	return d.box(panelRequests, w, h, "requests and latency", "latency of 10 s", d.requestRows(w-2, h-2, &d.s.Recent))
}

func (d *drawing) requestRows(w, h int, work *session.Work) []string {
	table := w
	if w >= tableWidth+octaves+4 {
		table = tableWidth
	}
	n := max(min(len(kinds), h-2), 0)
	rows := d.requestTable(table, n, &work.Took)
	if n < len(kinds) {
		rows = append(rows, d.requestsRow(table, n))
	} else {
		rows = append(rows, d.theme.line(table).space(1).left(d.errorsRole(), 6, "errors").space(1).
			right(strong, 8, count(d.s.Totals.Errors())).fill())
	}
	if table < w {
		for i, row := range d.histogram(w-table-3, min(len(rows), h), work) {
			rows[i] = d.theme.line(w).raw(rows[i], table).space(2).raw(row, w-table-3).fill()
		}
	}
	return rows
}

// requestsScreen also has the whole run's, and histograms as high as there is room for.
func (d *drawing) requestsScreen(w, h int) []string {
	const table = 1 + len(kinds) + 2 // a title, the kinds with theirs, errors
	high := (h-2)/2 - table - 1
	part := func(title string, work *session.Work) []string {
		rows := []string{d.theme.line(w-2).space(1).text(strong, title).fill()}
		if high < 3 { // beside the table it has a place all the same
			return append(append(rows, d.requestRows(w-2, len(kinds)+2, work)...), d.theme.line(w-2).fill())
		}
		narrow := min(w-2, tableWidth+octaves)
		for _, row := range d.requestRows(narrow, len(kinds)+2, work) {
			rows = append(rows, d.theme.line(w-2).raw(row, narrow).fill())
		}
		for _, row := range d.histogram(w-3, high, work) {
			rows = append(rows, d.theme.line(w-2).space(1).raw(row, w-3).fill())
		}
		return append(rows, d.theme.line(w-2).fill())
	}
	rows := append(part("latency of the last 10 s", &d.s.Recent), part("latency of the whole run", &d.s.Whole)...)
	return d.box(panelRequests, w, h, "requests and latency", "", rows[:min(len(rows), max(h-2, 0))])
}

// requestTable is the titles and the first n kinds.
func (d *drawing) requestTable(w, n int, took *block.PerCommand[block.Quantiles]) []string {
	columns := fitting(requestColumns, w-2)
	rows := []string{titles(d.theme.line(w).space(1), columns).fill()}
	for _, k := range kinds[:n] {
		r := requestRow{k, d.s.Totals[k.cmd], took[k.cmd]}
		l := d.theme.line(w).space(1)
		l.field(k.role, columns[0].cells, false, k.word)
		rows = append(rows, values(l, d, plain, columns[1:], &r).fill())
	}
	return rows
}

// requestsRow is the number of requests of the kinds from the first on, as many as there is room for, and of errors.
func (d *drawing) requestsRow(w, first int) string {
	l := d.theme.line(w)
	digits, number := 4, countShort
	if w >= wideEnough {
		digits, number = 7, count
	}
	for _, k := range kinds[first:] {
		if cells := 2 + len(k.word) + 1 + digits; l.room >= cells+len("  err 9999") {
			l.space(1).text(plain, k.word).space(1).left(strong, digits, number(d.s.Totals[k.cmd].Requests)).space(1)
		}
	}
	return d.errors(l).fill()
}

// errors adds the number of them at the line's right end.
func (d *drawing) errors(l *line) *line {
	return l.right(d.errorsRole(), l.room-1, "err "+countShort(d.s.Totals.Errors()))
}

func (d *drawing) errorsRole() role {
	if d.s.Totals.Errors() > 0 {
		return failure
	}
	return plain
}
