package ui

import (
	"fmt"
	"strings"
)

// helpRows are the keys, and what the words and glyphs mean, in rows for a box on a screen of size z.
func helpRows(z size, t theme) (rows []string) {
	const column = 15
	w, g := z.w-2, t.glyphs
	for _, e := range [...][2]string{
		{"p r", "pause once all in flight has finished; resume, or cancel that"},
		{g.up + " " + g.down + " k j", "choose a client, or scroll the panel by a line"},
		{"PgUp PgDn g G", "the same by a page, to the beginning, to the end"},
		{"d D", "disconnect the client: d answers what is in flight, D does not"},
		{"t s", "tune rates, delays and faults; save a snapshot as JSON"},
		{"Tab S-Tab 1-9", "go to the next panel, the previous one, or one by its number"},
		{"z Enter Esc", "give the panel the whole screen; go back, but never quit"},
		{"arrows + - 0", "on the map: move the cursor; closer, farther, all of it"},
		{"/ n N v y", "in the command's panel: search, older, newer; select, copy"},
		{"/", "elsewhere: show only events that contain a text"},
		{"^A A", "the keyboard is the command's, and back; A sends it one ^A"},
		{"m R", "mouse on, off; run the command again, once it ended (--hold)"},
		{"q ^C ?", "quit; ^C twice within two seconds does not wait; this help"},
		{},
		{"fl held", "requests in flight: being served; held: kept back by a pause"},
		{"[P] PAUSED", "all have finished: nothing reads or writes the disk"},
		{"* ! SLOW", "a warning, an error; in flight for over 1 s: SLOW, 10 s: STUCK"},
		{g.read + " " + g.written + " " + g.hole, "coverage: read, written, holes; two passes are not a copy"},
		{"p50 p99", "half of the requests of the last 10 s took less; 99 of 100 did"},
		{g.levels[1] + g.levels[5] + g.levels[8] + " " + g.paused + g.paused, "bytes, a second each; seconds in a pause"},
		{"SKIPPED", "the command prints faster than is shown; this is the newest"},
	} {
		if e[0] == "" && z.h < 25 { // no room for a blank row
			continue
		}
		if w >= 4*column {
			rows = append(rows, t.line(w).space(1).left(strong, column, e[0]).text(plain, e[1]).fill())
			continue
		}
		for _, text := range wrap(e[0]+" "+e[1], w-2) { // no room for a column of keys
			rest := strings.TrimPrefix(text, e[0])
			rows = append(rows, t.line(w).space(1).text(strong, text[:len(text)-len(rest)]).text(plain, rest).fill())
		}
	}
	return rows
}

// helpRoom is how many rows of help there are on a screen: between the state line and the last one, in a box where there
// is room for one.
func helpRoom(z size) int {
	if n := z.h - 2; n >= 2*minBox {
		return n - 2
	} else {
		return n
	}
}

func helpPages(z size, t theme) int {
	n := helpRoom(z)
	return (len(helpRows(z, t)) + n - 1) / n
}

// helpScreen is the state line, the help or a page of it, and how to go on.
func (d *drawing) helpScreen() []string {
	t, w, n := d.theme, d.size.w, helpRoom(d.size)
	pages := helpPages(d.size, t)
	rows := helpRows(d.size, t)
	rows = rows[min((d.view.help-1)*n, len(rows)):]
	rows = rows[:min(n, len(rows))]
	if n < d.size.h-2 {
		rows = t.box(w, n+2, false, "help", "", rows)
	}
	for len(rows) < d.size.h-2 {
		rows = append(rows, "")
	}
	rows = append([]string{d.stateLine()}, rows...)
	last := t.line(w-1).space(1).text(strong, "any key").text(plain, " closes")
	if d.view.help < pages {
		last = t.line(w-1).space(1).text(strong, "any key").text(plain, fmt.Sprintf(" for page %d of %d  ", d.view.help+1, pages)).text(strong, "esc").text(plain, " closes")
	}
	return append(rows, last.String())
}
