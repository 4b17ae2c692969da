package captive

import (
	"slices"

	uv "github.com/charmbracelet/ultraviolet"
)

// What is kept of the lines that have left the screen.
const (
	scrollback      = 10_000  // lines
	scrollbackBytes = 4 << 20 // and no more than so much of them: a line may be long, and every cell in a colour of its own
)

// history is the lines that have left the screen, as text and SGR sequences. Every line that ever left it has a
// number, counted from 0, so that whoever looks back stays where he is while more come.
type history struct {
	rows  []string // oldest first
	size  int      // their bytes
	first uint64   // the number of rows[0]
	gaps  []uint64 // the lines before which output was skipped, oldest first
}

// next is the number of the screen's first line.
func (h *history) next() uint64 { return h.first + uint64(len(h.rows)) }

// take moves lines out of the emulator's own scrollback, which is empty then. A cell there takes 112 bytes.
func (h *history) take(lines []uv.Line) {
	for _, l := range lines {
		r := row(len(l)+1, func(x int) *uv.Cell {
			if x == len(l) { // empty cells at the end were cut off, and the right half of a wide character is one
				return &uv.Cell{}
			}
			return l.At(x)
		})
		h.rows = append(h.rows, r)
		h.size += len(r)
		for len(h.rows) > scrollback || h.size > scrollbackBytes {
			h.drop(1)
		}
	}
	clear(lines)
}

// drop forgets the n oldest lines.
func (h *history) drop(n int) {
	for i := range n {
		h.size -= len(h.rows[i])
		h.rows[i] = ""
	}
	h.rows, h.first = h.rows[n:], h.first+uint64(n)
	if i, _ := slices.BinarySearch(h.gaps, h.first); i > 0 {
		h.gaps = slices.Delete(h.gaps, 0, i)
	}
}

// skipped notes that output is missing before a line, which may still be on the screen.
func (h *history) skipped(line uint64) {
	if n := len(h.gaps); n == 0 || h.gaps[n-1] < line {
		h.gaps = append(h.gaps, line)
	}
}

// misses reports whether output is missing between the lines first and end.
func (h *history) misses(first, end uint64) bool {
	i, _ := slices.BinarySearch(h.gaps, first)
	return i < len(h.gaps) && h.gaps[i] < end
}

// Page is some lines of the child's output.
type Page struct {
	First   uint64   // the number of the first one; lines count from 0 on, and never change their number
	Lines   []string // text and SGR sequences, nothing else
	Skipped bool     // output is missing between them
}

// page is up to n lines from a number on: of those that have left the screen, and of those on it. Where a full-screen
// program has the terminal there are only its own.
func (t *terminal) page(from uint64, n int) Page {
	t.mu.Lock()
	defer t.mu.Unlock()
	above := t.history.next()
	end := above + uint64(t.height)
	p := Page{First: min(max(from, t.oldest()), end)}
	last := min(p.First+uint64(max(n, 0)), end)
	p.Skipped = t.history.misses(p.First, last)
	if p.First < above {
		p.Lines = slices.Clone(t.history.rows[p.First-t.history.first : min(last, above)-t.history.first])
	}
	if last > above {
		p.Lines = append(p.Lines, t.screenLocked().Lines[max(p.First, above)-above:last-above]...)
	}
	return p
}

// oldest is the number of the first line that page gives.
func (t *terminal) oldest() uint64 {
	if t.emulator.IsAltScreen() { // what has scrolled away is another screen's
		return t.history.next()
	}
	return t.history.first
}

// gapLine stands in the tail where output was skipped.
const gapLine = "[output was skipped here: it came faster than it could be shown]"

// tail is the last max lines, or all where max is negative, without the blank ones at the end.
func (t *terminal) tail(max int) []string {
	p := t.page(0, scrollback+maxHeight)
	lines := p.Lines
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if max >= 0 && len(lines) > max {
		p.First += uint64(len(lines) - max)
		lines = lines[len(lines)-max:]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, gap := range slices.Backward(t.history.gaps) {
		if gap >= p.First && gap-p.First < uint64(len(lines)) {
			lines = slices.Insert(lines, int(gap-p.First), gapLine)
		}
	}
	return lines
}
