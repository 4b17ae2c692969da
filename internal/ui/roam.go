package ui

import "example.com/nbdtui/internal/block"

// zoomStep is how much less of the export the map shows after one step.
const zoomStep = 4

// survey is what the map was asked for last, and when.
type survey struct {
	from, length uint64
	cells        int
	totals       block.Counts
	done, holes  uint64
}

// survey asks the session for the part of the export that the map shows, where there may be news of it.
func (b *board) survey() {
	c := &b.view.chart
	columns, rows := chartSize(b.plan(), &b.view)
	from, length := c.span(&b.snapshot)
	p := &b.snapshot.Progress
	now := survey{from, length, columns * rows, b.snapshot.Totals, p.Done, p.Holes}
	if now == b.surveyed && c.cells != nil {
		return
	}
	b.surveyed = now
	c.cells = nil
	if now.cells > 0 && length > 0 {
		c.cells = b.session.Map(from, length, now.cells)
	}
}

// roam does what keys do to the map, and reports whether this was one of them.
func (b *board) roam(k key) bool {
	columns, rows := chartSize(b.plan(), &b.view)
	switch k {
	case "left", "h":
		b.step(-1)
	case "right", "l":
		b.step(+1)
	case "up", "k":
		b.step(-columns)
	case "down", "j":
		b.step(+columns)
	case "pgup":
		b.step(-columns * max(rows-1, 1))
	case "pgdown":
		b.step(+columns * max(rows-1, 1))
	case "home", "g":
		b.step(-all)
	case "end", "G":
		b.step(+all)
	case "+", "=":
		b.magnify(zoomStep)
	case "-":
		b.magnify(-zoomStep)
	case "0":
		b.view.chart.length = 0
	default:
		return false
	}
	return true
}

// step moves the cursor by so many cells, and no farther than the map goes.
func (b *board) step(by int) {
	c := &b.view.chart
	columns, rows := chartSize(b.plan(), &b.view)
	cells := columns * rows
	if cells == 0 {
		return
	}
	at, _ := c.cellAt(&b.snapshot, c.cursor, cells)
	c.cursor = b.middle(min(max(at+by, 0), cells-1), cells)
}

// middle is an offset that is in a cell beyond doubt.
func (b *board) middle(cell, cells int) uint64 {
	from, end := b.view.chart.cell(&b.snapshot, cell, cells)
	return from + (end-from)/2
}

// magnify shows a part of the export around the cursor, smaller by a factor than the one before; or, where that is
// negative, larger. No less is shown than the least stretches that are told apart, one in each cell.
func (b *board) magnify(factor int) {
	c, s := &b.view.chart, &b.snapshot
	columns, rows := chartSize(b.plan(), &b.view)
	from, length := c.span(s)
	if columns*rows == 0 || length == 0 {
		return
	}
	if c.cursor < from || c.cursor-from >= length {
		c.cursor = from
	}
	least := max(s.Granule, 1) * uint64(columns*rows)
	wanted := length / uint64(max(factor, 1))
	if factor < 0 {
		wanted = length * uint64(-factor)
	}
	wanted = max(wanted, least)
	if wanted >= s.Progress.Size || wanted/uint64(max(-factor, 1)) > s.Progress.Size {
		c.length = 0
		return
	}
	half := wanted / 2
	c.from = min(max(c.cursor, half)-half, s.Progress.Size-wanted)
	c.length = wanted
}
