package ui

import "example.com/nbdtui/internal/block"

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

// requests has a row for each kind with its latencies, or for the first few where there is not room for all; the
// others share the last row. With the screen to itself it also has the latencies of the whole run.
func (d *drawing) requests(w, h int) []string {
	n := max(min(len(kinds), h-4), 0)
	rows := d.requestTable(w-2, n, &d.s.Recent.Took)
	if n < len(kinds) {
		rows = append(rows, d.requestsRow(w-2, n))
	} else {
		rows = append(rows, d.theme.line(w-2).space(1).left(d.errorsRole(), 6, "errors").space(1).
			right(strong, 8, count(d.s.Totals.Errors())).fill())
	}
	if d.view.zoom {
		rows = append(rows, d.theme.line(w-2).fill(), d.theme.line(w-2).space(1).text(strong, "latency of the whole run").fill())
		rows = append(rows, d.requestTable(w-2, len(kinds), &d.s.Whole.Took)...)
	}
	return d.box(panelRequests, w, h, "requests and latency", "last 10 s", rows)
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
