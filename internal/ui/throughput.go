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
	took  block.Quantiles
	chart []uint64 // bytes a second, oldest first
	peak  uint64
}

func (d *drawing) directions() [2]direction {
	read := direction{role: reading, word: "read", rate: d.s.Read, total: d.s.Totals[block.Read].Bytes, took: d.s.Recent.Took[block.Read]}
	write := direction{role: writing, word: "write", rate: d.s.Write, total: d.s.Totals[block.Write].Bytes, took: d.s.Recent.Took[block.Write]}
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

// throughput is the last minute's: in a box, or in bare rows, which have the requests by kind, too, if there is room.
func (d *drawing) throughput(at spot) []string {
	if at.boxed {
		return d.directionsBox(at.w, at.h)
	}
	rows := d.throughputRows(at.h > 3)
	if at.h > 3 {
		rows = append(rows, d.requestsRow(at.w, 0))
	}
	return rows
}

// throughputRows has reading in the left half and writing in the right. Where no row of requests follows, errors are
// told here.
func (d *drawing) throughputRows(more bool) []string {
	numbers, charts, took := d.theme.line(d.size.w), d.theme.line(d.size.w), d.theme.line(d.size.w)
	half := d.size.w / 2
	kept := 0
	if !more {
		kept = len("  err 999")
	}
	for _, way := range d.directions() {
		cells := half - 2
		numbers.space(1).raw(d.numbers(way, cells, false), cells).space(1)
		charts.space(1).raw(d.chart(way, cells, 1)[0], cells).space(1)
		took.space(1).raw(d.took(way, cells-kept), max(cells-kept, 0))
		if way.word == "read" || more {
			took.space(kept + 1)
		}
	}
	if !more {
		d.errors(took)
	}
	return []string{numbers.String(), charts.String(), took.fill()}
}

// took is how long requests took of late, as far as there is room to say it.
func (d *drawing) took(way direction, cells int) string {
	l := d.theme.line(cells)
	gap := 0
	for _, q := range quantiles(&way.took) {
		if cells < 46 && q.word == "p90" {
			continue
		}
		if l.room >= gap+10 {
			l.space(gap).text(plain, q.word).right(strong, 7, d.theme.latency(&way.took, q.at))
			gap = 2
		}
	}
	return l.fill()
}

// directionsBox has the rows of the box shared between the directions.
func (d *drawing) directionsBox(w, h int) []string {
	var rows []string
	charts := max((h-2)/2-1, 0)
	for _, way := range d.directions() {
		rows = append(rows, d.theme.line(w-2).space(1).raw(d.numbers(way, w-4, true), w-4).fill())
		for _, row := range d.chart(way, w-4, charts) {
			rows = append(rows, d.theme.line(w-2).space(1).raw(row, w-4).fill())
		}
	}
	return d.box(panelThroughput, w, h, "throughput", fmt.Sprintf("%d s", min(w-4, 60)), rows)
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
		column(l.room, "peak "+bytesText(max(float64(way.peak), way.rate.Bytes))+"/s") // the chart has whole seconds alone
	} else {
		column(9, countShort(uint64(way.rate.Requests+0.5))+"/s")
		column(11, bytesText(float64(way.total)))
	}
	return l.fill()
}
