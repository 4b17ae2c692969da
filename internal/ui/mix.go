package ui

import (
	"fmt"

	"example.com/nbdtui/internal/block"
)

// mix is how clients ask: the sizes of reads and writes, how many begin where the one before ended, and how many
// there are at once. With the screen to itself it also has the whole run.
func (d *drawing) mix(w, h int) []string {
	rows := d.mixRows(w-2, h-2, &d.s.Recent.Habits)
	if d.view.zoom {
		rows = append(rows, d.theme.line(w-2).fill(), d.theme.line(w-2).space(1).text(strong, "the whole run").fill())
		whole := d.mixRows(w-2, block.SizeClasses+3, &d.s.Whole.Habits)
		rows = append(rows, whole[:len(whole)-1]...) // how many at once is not of the run
	}
	return d.box(panelMix, w, h, "request mix", "last 10 s", rows[:min(len(rows), max(h-2, 0))])
}

// mixRows is a table of sizes with a bar for each share, where there are rows for all of it; before it what can be
// said in few.
func (d *drawing) mixRows(w, h int, habits *block.Habits) []string {
	ways := [...]struct {
		word  string
		role  role
		habit *block.Habit
	}{{"read", reading, &habits.Reads}, {"write", writing, &habits.Writes}}
	half := (w - 2 - 9) / 2
	head, seq := d.theme.line(w).space(1).left(plain, 9, "size"), d.theme.line(w).space(1).left(plain, 9, "in order")
	for _, way := range ways {
		head.left(way.role, half, way.word)
		seq.left(strong, half, share(way.habit.Sequential, way.habit.Requests()))
	}
	rows := []string{head.fill()}
	full := h >= block.SizeClasses+3
	if full {
		for class := range block.SizeClasses {
			l := d.theme.line(w).space(1).left(plain, 9, sizeWord(class))
			for _, way := range ways {
				n, all := way.habit.Sizes[class], way.habit.Requests()
				bar := max(half-6, 0)
				l.raw(d.shareBar(way.role, bar, n, all), bar).right(strong, half-bar-1, share(n, all)).space(1)
			}
			rows = append(rows, l.fill())
		}
	} else if h >= 3 {
		l := d.theme.line(w).space(1).left(plain, 9, "most")
		for _, way := range ways {
			l.left(strong, half, mostly(way.habit))
		}
		rows = append(rows, l.fill())
	}
	rows = append(rows, seq.fill())
	return append(rows, d.theme.line(w).space(1).left(plain, 9, "at once").
		text(strong, fmt.Sprintf("%.1f", d.s.Depth)).text(plain, " now, ").text(strong, fmt.Sprintf("%.1f", d.s.Deepest)).text(plain, " at most").fill())
}

// sizeWord names a class of sizes by its upper end.
func sizeWord(class int) string {
	if class == block.SizeClasses-1 {
		return "over " + bytesWhole(block.SizeLimit(class-1))
	}
	return "to " + bytesWhole(block.SizeLimit(class))
}

// bytesWhole is a power of two in few characters: "256K".
func bytesWhole(n uint64) string {
	for i, unit := range [...]string{"", "K", "M"} {
		if n < 1024 || i == 2 {
			return fmt.Sprintf("%d%s", n, unit)
		}
		n /= 1024
	}
	return ""
}

// mostly is the two sizes that most requests have.
func mostly(h *block.Habit) string {
	first, second := -1, -1
	for class, n := range h.Sizes {
		switch {
		case n == 0:
		case first < 0 || n > h.Sizes[first]:
			first, second = class, first
		case second < 0 || n > h.Sizes[second]:
			second = class
		}
	}
	if first < 0 {
		return "-"
	}
	return fmt.Sprintf("%s %s", sizeWord(first), share(h.Sizes[first], h.Requests()))
}

// share is part of all in percent; "-" of nothing.
func share(part, all uint64) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", float64(part)/float64(all)*100)
}

// shareBar is a bar of n cells for part of all; the least that is something can be seen.
func (d *drawing) shareBar(r role, n int, part, all uint64) string {
	l := d.theme.line(n)
	if part > 0 && all > 0 {
		l.repeat(r, d.theme.glyphs.levels[8], max(int(float64(part)/float64(all)*float64(n)+0.5), 1))
	}
	return l.fill()
}
