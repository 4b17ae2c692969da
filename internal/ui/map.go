package ui

import (
	"fmt"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// mapLabel stands before the map where it has no box: as wide as the coverage's, so that the two stand in line.
const mapLabel = "map      "

// chartSize is how many cells the map has, as it stands on the screen now: none where it does not.
func chartSize(p plan, v *view) (columns, rows int) {
	in := p[panelMap].inside()
	switch {
	case v.zoom:
		columns, rows = in.w-2, in.h-mapNotes
	case p[panelMap].boxed:
		columns, rows = in.w-2, in.h
	default:
		columns, rows = in.w-2-len(mapLabel), in.h
	}
	if columns <= 0 || rows <= 0 {
		return 0, 0
	}
	return columns, rows
}

// span is the part of the export that the map shows.
func (c *chart) span(s *session.Snapshot) (from, length uint64) {
	if c.length == 0 || c.from >= s.Progress.Size {
		return 0, s.Progress.Size
	}
	return c.from, min(c.length, s.Progress.Size-c.from)
}

// cellAt is the cell that an offset is in, and whether it is in any.
func (c *chart) cellAt(s *session.Snapshot, off uint64, cells int) (int, bool) {
	from, length := c.span(s)
	if off < from || off-from >= length || cells == 0 {
		return 0, false
	}
	return min(int(float64(off-from)/float64(length)*float64(cells)), cells-1), true
}

// cell is the range of one.
func (c *chart) cell(s *session.Snapshot, i, cells int) (from, end uint64) {
	first, length := c.span(s)
	at := func(i int) uint64 { return first + uint64(float64(length)*float64(i)/float64(cells)) }
	return at(i), min(max(at(i+1), at(i)+1), first+length)
}

// mapPanel is the map in its place.
func (d *drawing) mapPanel(at spot) []string {
	columns, rows := chartSize(d.plan, d.view)
	switch {
	case d.view.zoom:
		return d.mapScreen(at.w, at.h)
	case rows == 0:
		return nil
	case !at.boxed:
		l := d.theme.line(at.w).space(1).text(plain, mapLabel)
		return []string{l.raw(d.mapRows(columns, rows)[0], columns).fill()}
	}
	note := bytesText(d.cellBytes(columns*rows)) + " a cell"
	if d.view.holds(panelMap) {
		note = d.theme.cut(d.cursorText(columns*rows), at.w-20)
	}
	list := d.mapRows(columns, rows)
	for i := range list {
		list[i] = d.theme.line(columns+2).space(1).raw(list[i], columns).fill()
	}
	return d.box(panelMap, at.w, at.h, d.mapTitle(), note, list)
}

func (d *drawing) mapTitle() string {
	from, length := d.view.chart.span(d.s)
	if length == d.s.Progress.Size {
		return "map"
	}
	return fmt.Sprintf("map from %s to %s", bytesText(float64(from)), bytesText(float64(from+length)))
}

// cellBytes is how many bytes a cell stands for.
func (d *drawing) cellBytes(cells int) float64 {
	_, length := d.view.chart.span(d.s)
	return float64(length) / float64(max(cells, 1))
}

// mapNotes is how many rows the map has below it with the screen to itself.
const mapNotes = 9

// mapScreen is the map with its legend, and all that is known of the cell that has the cursor.
func (d *drawing) mapScreen(w, h int) []string {
	columns, rows := chartSize(d.plan, d.view)
	var list []string
	if rows > 0 {
		for _, row := range d.mapRows(columns, rows) {
			list = append(list, d.theme.line(w-2).space(1).raw(row, columns).fill())
		}
	}
	list = append(list, d.theme.line(w-2).fill(), d.legend(w-2), d.theme.line(w-2).fill())
	cells := columns * rows
	if at, ok := d.view.chart.cellAt(d.s, d.view.chart.cursor, cells); ok && at < len(d.view.chart.cells) {
		from, end := d.known(at, cells)
		list = append(list, d.theme.line(w-2).space(1).text(strong, fmt.Sprintf("bytes %d to %d", from, end-1)).
			text(plain, fmt.Sprintf("   %s at %s", bytesText(float64(end-from)), bytesText(float64(from)))).fill())
		for _, p := range d.touches(&d.view.chart.cells[at]) {
			r, glyph := d.mapGlyph(&p.alone)
			list = append(list, d.theme.line(w-2).space(1).left(r, 2, glyph).left(plain, 10, p.word).right(strong, 10, bytesText(float64(p.bytes))).fill())
		}
	}
	note := bytesText(d.cellBytes(cells)) + " a cell"
	return d.box(panelMap, w, h, d.mapTitle(), note, list)
}

// mapPart is one way in which a stretch was touched.
type mapPart struct {
	word  string
	bytes uint64
	alone block.Stretch // that was touched so and in no other way
}

func (d *drawing) touches(s *block.Stretch) [5]mapPart {
	return [...]mapPart{
		{"read", s.Read, block.Stretch{Read: 1}},
		{"written", s.Written, block.Stretch{Written: 1}},
		{"zeroed", s.Zeroed, block.Stretch{Zeroed: 1}},
		{"holes", s.Holes, block.Stretch{Holes: 1}},
		{"failed", s.Failed, block.Stretch{Failed: 1}},
	}
}

// known is the range that is known together, which a cell stands for: whole granules.
func (d *drawing) known(i, cells int) (from, end uint64) {
	from, end = d.view.chart.cell(d.s, i, cells)
	g := max(d.s.Granule, 1)
	from -= from % g
	return from, min(max(end-end%g, from+g), d.s.Progress.Size)
}

// cursorText is what is known of the cell that has the cursor, in one line.
func (d *drawing) cursorText(cells int) string {
	at, ok := d.view.chart.cellAt(d.s, d.view.chart.cursor, cells)
	if !ok || at >= len(d.view.chart.cells) {
		return ""
	}
	from, end := d.known(at, cells)
	text := fmt.Sprintf("%s+%s", bytesShort(float64(from)), bytesShort(float64(end-from)))
	for _, p := range d.touches(&d.view.chart.cells[at]) {
		if p.bytes > 0 {
			text += fmt.Sprintf("  %s %s", p.word, bytesShort(float64(p.bytes)))
		}
	}
	return text
}

// mapRows draws the cells.
func (d *drawing) mapRows(columns, rows int) []string {
	cells, focused := columns*rows, d.view.holds(panelMap)
	here := d.present(cells)
	list := make([]string, rows)
	for y := range list {
		l := d.theme.line(columns)
		for x := 0; x < columns; {
			r, glyph := d.mapCell(y*columns+x, cells, here, focused)
			run := []byte(glyph)
			for x++; x < columns; x++ {
				other, glyph := d.mapCell(y*columns+x, cells, here, focused)
				if other != r {
					break
				}
				run = append(run, glyph...)
			}
			l.text(r, string(run))
		}
		list[y] = l.fill()
	}
	return list
}

// mapCell is how a cell looks: where the cursor is, where requests are now, else what has happened there.
func (d *drawing) mapCell(i, cells int, here map[int]bool, focused bool) (role, string) {
	var s block.Stretch
	if i < len(d.view.chart.cells) {
		s = d.view.chart.cells[i]
	}
	r, glyph := d.mapGlyph(&s)
	if here[i] {
		r, glyph = strong, "@"
	}
	if at, ok := d.view.chart.cellAt(d.s, d.view.chart.cursor, cells); focused && ok && at == i {
		r = selected
	}
	return r, glyph
}

// mapGlyph says what has happened to a stretch. With colours the kind is the colour, and the shade how much of it was
// touched; without them the kind is a letter.
func (d *drawing) mapGlyph(s *block.Stretch) (role, string) {
	var r role
	var letter string
	letters := !d.theme.colour() || d.theme.ascii()
	bytes := max(s.Read, s.Written, s.Zeroed)
	switch {
	case s.Failed > 0:
		return failure, "!"
	case s.Read > 0 && s.Written > 0:
		r, letter = strong, "b"
	case s.Written > 0:
		r, letter = writing, "w"
	case s.Read > 0:
		r, letter = reading, "r"
	case s.Zeroed > 0:
		r, letter = zeroing, "z"
	case s.Holes > 0:
		if letters {
			return plain, "h"
		}
		return reading, d.theme.glyphs.hole
	default:
		return border, d.theme.glyphs.rest
	}
	if letters {
		return r, letter
	}
	shade := 3
	if bytes < s.Bytes {
		shade = min(int(float64(bytes)/float64(s.Bytes)*4), 2)
	}
	return r, d.theme.glyphs.shades[shade]
}

// present is the cells that requests are in flight for, or have just been.
func (d *drawing) present(cells int) map[int]bool {
	here := map[int]bool{}
	mark := func(off uint64) {
		if i, ok := d.view.chart.cellAt(d.s, off, cells); ok {
			here[i] = true
		}
	}
	for i := range d.s.Clients {
		c := &d.s.Clients[i]
		for _, p := range c.Pending {
			if !p.Held {
				mark(p.Offset)
			}
		}
		if c.At > 0 && c.Read.Requests+c.Write.Requests > 0 {
			mark(c.At - 1)
		}
	}
	return here
}

// legend explains the cells.
func (d *drawing) legend(w int) string {
	l := d.theme.line(w).space(1)
	for _, e := range [...]struct {
		word string
		s    block.Stretch
	}{
		{"untouched", block.Stretch{}}, {"read", block.Stretch{Read: 1}}, {"written", block.Stretch{Written: 1}},
		{"both", block.Stretch{Read: 1, Written: 1}}, {"zeroed", block.Stretch{Zeroed: 1}},
		{"hole", block.Stretch{Holes: 1}}, {"failed", block.Stretch{Failed: 1}},
	} {
		r, glyph := d.mapGlyph(&e.s)
		if l.room >= 4+len(e.word) {
			l.text(r, glyph).space(1).text(plain, e.word).space(2)
		}
	}
	if l.room >= len("@ now") {
		l.text(strong, "@").text(plain, " now")
	}
	return l.fill()
}
