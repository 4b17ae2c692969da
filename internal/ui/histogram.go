package ui

import (
	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// The histogram's columns: so many octaves, from the first bucket's end on, and a cell at least for each.
const octaves = 27

// histogram draws how long requests took, over a logarithmic scale: h rows, the last of them the scale. A column has
// the colour of what most requests in it are; the rarest can be seen.
func (d *drawing) histogram(w, h int, work *session.Work) []string {
	wide := min(max(w/(octaves+1), 1), 4)
	if wide == 3 {
		wide = 2
	}
	columns := (octaves + 1) * wide
	if h < 2 || w < columns {
		return nil
	}
	type bar struct{ read, write, other uint64 }
	bars := make([]bar, columns)
	most := uint64(0)
	for cmd, spread := range work.Spread {
		for bucket, n := range spread {
			b := &bars[min(max(bucket-1, 0)*wide/4, columns-1)]
			switch block.Cmd(cmd) {
			case block.Read:
				b.read += n
			case block.Write:
				b.write += n
			default:
				b.other += n
			}
			most = max(most, b.read+b.write+b.other)
		}
	}
	rows := make([]string, 0, h)
	for y := range h - 1 {
		l := d.theme.line(w)
		for _, b := range bars {
			r, all := plain, b.read+b.write+b.other
			switch {
			case all == 0:
				r = border
			case b.read >= b.write && b.read >= b.other:
				r = reading
			case b.write >= b.other:
				r = writing
			}
			l.text(r, d.theme.glyphs.levels[eighths(float64(all)/float64(max(most, 1))*float64(h-1), h-2-y)])
		}
		rows = append(rows, l.fill())
	}
	scale := d.theme.line(w)
	micro := d.theme.glyphs.micro
	for i, at := range [...]string{"1" + micro, "32" + micro, "1m", "32m", "1s", "32s"} { // about: 2^10 ns and so on by 2^5
		scale.space(i*5*wide-(w-scale.room)).text(plain, at)
	}
	return append(rows, scale.fill())
}
