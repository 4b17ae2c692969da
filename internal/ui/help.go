package ui

// helpScreen is the state line, the help, and how to leave it.
func (d *drawing) helpScreen() []string {
	t, g := d.theme, d.theme.glyphs
	entries := [...][2]string{
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
	}
	w := d.size.w
	rows := make([]string, 0, len(entries))
	for _, e := range entries {
		if e[0] == "" && d.size.h < len(entries)+4 {
			continue // no room for a blank row
		}
		rows = append(rows, t.line(w-2).space(1).left(strong, 15, e[0]).text(plain, e[1]).fill())
	}
	if h := d.size.h - 2; h < 3 {
		rows = rows[:h]
	} else {
		rows = t.box(w, h, false, "help", "", rows[:min(len(rows), h-2)])
	}
	rows = append([]string{d.stateLine()}, rows...)
	return append(rows, t.line(w).space(1).text(strong, "any key").text(plain, " closes").String())
}
