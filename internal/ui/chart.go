package ui

// chart draws the newest seconds as bars, from the right edge on, in rows of eighths. A bar is a column wide, more
// where there is room for the whole minute with wider ones.
func (d *drawing) chart(way direction, w, h int) []string {
	t, g := d.theme, d.theme.glyphs
	history := d.s.History
	bars := way.chart
	if n := len(bars) - w; n > 0 {
		bars, history = bars[n:], history[n:]
	}
	if w > 60 {
		bars, history = widened(bars, w), widened(history, w)
	}
	full := float64(ceiling(way.peak))
	rows := make([]string, h)
	for y := range rows {
		l := t.line(w).space(w - len(bars))
		for start := 0; start < len(bars); {
			r, _ := cell(way, bars[start], history[start].Paused)
			end := start
			run := make([]byte, 0, 3*w)
			for ; end < len(bars); end++ {
				other, paused := cell(way, bars[end], history[end].Paused)
				if other != r {
					break
				}
				level := g.paused
				if !paused {
					level = g.levels[eighths(float64(bars[end])/full*float64(h), h-1-y)]
				}
				run = append(run, level...)
			}
			l.text(r, string(run))
			start = end
		}
		rows[y] = l.fill()
	}
	return rows
}

// widened makes as many columns of a minute's seconds as there would be of a whole minute's in w.
func widened[T any](seconds []T, w int) []T {
	var columns []T
	missing := 60 - len(seconds)
	for x := range w {
		if i := x*60/w - missing; i >= 0 {
			columns = append(columns, seconds[i])
		}
	}
	return columns
}

// cell says how a second is drawn: one without requests, because the gate was closed, as a shade.
func cell(way direction, bar uint64, paused bool) (role, bool) {
	switch {
	case bar > 0:
		return way.role, false
	case paused:
		return pausing, true
	}
	return border, false
}

// eighths is how much of the cell above so many full ones a bar fills, its height being in cells. The lowest cell is
// never empty: a line shows where time has passed.
func eighths(height float64, below int) int {
	n := int((height-float64(below))*8 + 0.999)
	if below == 0 {
		n = max(n, 1)
	}
	return min(max(n, 0), 8)
}

// ceiling is the value of a full bar: the least 2^n or 1.5 * 2^n that is enough for peak. A chart's scale must not
// change with every sample.
func ceiling(peak uint64) uint64 {
	c := uint64(1024)
	for c < peak && c < 1<<62 {
		if c+c/2 >= peak {
			return c + c/2
		}
		c *= 2
	}
	return c
}
