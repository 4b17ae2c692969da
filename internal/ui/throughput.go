package ui

import (
	"fmt"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// direction is one of the two ways that bytes go.
type direction struct {
	role  role
	word  string
	rate  session.Rate
	total uint64
	chart []uint64 // bytes a second, oldest first
	peak  uint64
}

func (d *drawing) directions() [2]direction {
	read := direction{role: reading, word: "read", rate: d.s.Read, total: d.s.Totals[block.Read].Bytes}
	write := direction{role: writing, word: "write", rate: d.s.Write, total: d.s.Totals[block.Write].Bytes}
	for _, second := range d.s.History {
		read.add(second.Read)
		write.add(second.Written)
	}
	return [2]direction{read, write}
}

func (d *direction) add(n uint64) {
	d.chart = append(d.chart, n)
	d.peak = max(d.peak, n)
}

// throughput is the last minute's, and the requests by kind: side by side in boxes, or three bare rows.
func (d *drawing) throughput() []string {
	switch {
	case d.plan.throughput == 0:
		return nil
	case d.size.w >= threeBoxes && d.plan.charts > 0:
		const w = 64 // a minute, and the borders
		ways := d.directions()
		left, right := d.directionsBox(w, "reading", ways[:1]), d.directionsBox(w, "writing", ways[1:])
		return beside(beside(left, right), d.requestsBox(d.size.w-2*w))
	case d.plan.charts > 0:
		w, ways := d.size.w/2, d.directions()
		return beside(d.directionsBox(w, "throughput", ways[:]), d.requestsBox(d.size.w-w))
	}
	return append(d.throughputRows(), d.requestsRow())
}

// throughputRows has reading in the left half and writing in the right.
func (d *drawing) throughputRows() []string {
	numbers, charts := d.theme.line(d.size.w), d.theme.line(d.size.w)
	half := d.size.w / 2
	for _, way := range d.directions() {
		cells := half - 2
		numbers.space(1).raw(d.numbers(way, cells, false), cells).space(1)
		charts.space(1).raw(d.chart(way, cells, 1)[0], cells).space(1)
	}
	return []string{numbers.String(), charts.String()}
}

// directionsBox has the rows of the box shared between one direction or both.
func (d *drawing) directionsBox(w int, title string, ways []direction) []string {
	var rows []string
	charts := (d.plan.throughput-2)/len(ways) - 1
	for _, way := range ways {
		rows = append(rows, d.theme.line(w-2).space(1).raw(d.numbers(way, w-4, true), w-4).fill())
		for _, row := range d.chart(way, w-4, charts) {
			rows = append(rows, d.theme.line(w-2).space(1).raw(row, w-4).fill())
		}
	}
	return d.theme.box(w, d.plan.throughput, false, title, fmt.Sprintf("%d s", min(w-4, 60)), rows)
}

// numbers is a direction's rates and total, or as many of them as there is room for.
func (d *drawing) numbers(way direction, cells int, long bool) string {
	l := d.theme.line(cells).left(way.role, 5, way.word)
	column := func(n int, s string) {
		if l.room >= n {
			l.right(plain, n, s)
		}
	}
	l.right(strong, min(12, l.room), bytesText(way.rate.Bytes)+"/s")
	if long {
		column(13, count(uint64(way.rate.Requests+0.5))+" op/s")
		column(l.room, "peak "+bytesText(float64(way.peak))+"/s")
	} else {
		column(9, countShort(uint64(way.rate.Requests+0.5))+"/s")
		column(11, bytesText(float64(way.total)))
	}
	return l.fill()
}
