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
	bars := make([]tookBar, columns)
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
			most = max(most, b.all())
		}
	}
	rows := make([]string, 0, h)
	for y := range h - 1 {
		l := d.theme.line(w)
		for x := 0; x < len(bars); {
			r := bars[x].role()
			run := make([]byte, 0, 3*w)
			for ; x < len(bars) && bars[x].role() == r; x++ {
				run = append(run, d.theme.glyphs.levels[eighths(float64(bars[x].all())/float64(max(most, 1))*float64(h-1), h-2-y)]...)
			}
			l.text(r, string(run))
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

// tookBar is how many requests took so long.
type tookBar struct{ read, write, other uint64 }

func (b *tookBar) all() uint64 { return b.read + b.write + b.other }

func (b *tookBar) role() role {
	switch {
	case b.all() == 0:
		return border
	case b.read >= b.write && b.read >= b.other:
		return reading
	case b.write >= b.other:
		return writing
	}
	return plain
}
