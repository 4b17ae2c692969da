package ui

import "example.com/nbdtui/internal/block"

// kind is a command under the name that the dashboard has room for.
type kind struct {
	cmd  block.Cmd
	word string
	role role
}

// kinds stand in two columns, of which the first has one more.
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

// requestsRow is the number of requests of each kind.
func (d *drawing) requestsRow() string {
	l := d.theme.line(d.size.w)
	digits, number := 4, countShort
	if d.size.w >= wideEnough {
		digits, number = 7, count
	}
	for _, k := range kinds {
		if cells := 2 + len(k.word) + 1 + digits; l.room >= cells+len("  err 9999") {
			l.space(1).text(plain, k.word).space(1).left(strong, digits, number(d.s.Totals[k.cmd].Requests)).space(1)
		}
	}
	return l.right(d.errorsRole(), l.room-1, "err "+countShort(d.s.Totals.Errors())).String()
}

// requestsBox also has their bytes.
func (d *drawing) requestsBox(w int) []string {
	t := d.theme
	const half = (len(kinds) + 1) / 2
	rows := make([]string, half)
	for i := range rows {
		l := t.line(w - 2)
		d.kind(l, kinds[i])
		l.space(l.room - (w-2)/2)
		if i+half < len(kinds) {
			d.kind(l, kinds[i+half])
		} else {
			l.space(1).left(d.errorsRole(), 6, "errors").right(strong, 9, count(d.s.Totals.Errors()))
		}
		rows[i] = l.fill()
	}
	return t.box(w, d.plan.throughput, false, "requests", "", rows)
}

func (d *drawing) kind(l *line, k kind) {
	n := d.s.Totals[k.cmd]
	l.space(1).left(k.role, 6, k.word).right(strong, 9, count(n.Requests))
	if k.moves() {
		l.right(plain, 11, bytesText(float64(n.Bytes)))
	}
}

func (d *drawing) errorsRole() role {
	if d.s.Totals.Errors() > 0 {
		return failure
	}
	return plain
}
