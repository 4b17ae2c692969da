package ui

// helpScreen is the state line, the help, and how to leave it.
func (d *drawing) helpScreen() []string {
	t, g := d.theme, d.theme.glyphs
	entries := [...][2]string{
		{"p", "pause: no request enters any more, those in flight are finished"},
		{"r", "resume, or cancel a pause that is still being reached"},
		{g.up + " " + g.down + " k j", "choose a client"},
		{"d", "disconnect it: what it has in flight is finished"},
		{"D", "disconnect it by force"},
		{"^A", "the keyboard is the command's; ^A again comes back"},
		{"A", "send the command one ^A"},
		{"q ^C", "quit; ^C twice within two seconds does not wait"},
		{"Esc", "back; it never quits"},
		{},
		{"fl", "in flight: requests that are being served"},
		{"held", "requests that a pause keeps back"},
		{"PAUSING", "n requests are left to finish"},
		{"[P] PAUSED", "all have finished: nothing reads or writes the disk"},
		{g.levels[1] + g.levels[3] + g.levels[5] + g.levels[8], "bytes, a second each, up to the highest of the last minute"},
		{g.paused + g.paused + g.paused + g.paused, "seconds in a pause"},
		{"* !", "events: a warning, an error"},
		{"SKIPPED", "the command prints faster than can be shown; this is the newest"},
	}
	w := d.size.w
	var rows []string
	for _, e := range entries {
		rows = append(rows, t.line(w-2).space(2).left(strong, 12, e[0]).text(plain, e[1]).fill())
	}
	if h := d.size.h - 2; h < 3 {
		rows = rows[:h]
	} else {
		rows = t.box(w, h, false, "help", "", rows[:min(len(rows), h-2)])
	}
	rows = append([]string{d.stateLine()}, rows...)
	return append(rows, t.line(w).space(1).text(strong, "any key").text(plain, " closes").String())
}
