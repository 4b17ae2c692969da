package ui

import (
	"slices"
	"strings"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// The cursor goes from cell to cell and row to row, stops at the ends, and the map goes closer around it.
func TestTheMapIsRoamed(t *testing.T) {
	const columns, cells = 116, 232 // of the map on a screen of 120x40
	size := running51().Size
	for keys, want := range map[string]int{ // the cell that has the cursor
		"2": 0, "2 right right left": 1, "2 left": 0, "2 down": columns, "2 l j h": columns, "2 end": cells - 1,
		"2 end home": 0, "2 pgdown": columns, "2 G pgup": columns - 1, "2 right z z": 1,
	} {
		b, f := newBoard(running51())
		b.resize(120, 40)
		press(b, keys)
		if at, ok := b.view.chart.cellAt(&b.snapshot, b.view.chart.cursor, cells); !ok || at != want {
			t.Errorf("after %q the cursor is in cell %d, want %d", keys, at, want)
		}
		if f.asked != (survey{length: size, cells: cells}) {
			t.Errorf("after %q the session was asked for %+v", keys, f.asked)
		}
	}
	b, f := newBoard(running51())
	b.resize(120, 40)
	press(b, "2 down +")
	if f.asked.length != size/4 || f.asked.from > size/2 || f.asked.from+f.asked.length < size/2 {
		t.Errorf("closer around the middle: %+v", f.asked)
	}
	if got := strings.Join(lines(b), "\n"); !strings.Contains(got, "[map from 16.6 GiB to 27.6 GiB]") {
		t.Errorf("the screen is\n%s", got)
	}
	press(b, "+ + + + + + + + + + +")
	if f.asked.length != 64<<10*cells {
		t.Errorf("at the closest a cell is %d bytes", f.asked.length/cells)
	}
	press(b, "end right") // no farther than what is seen
	if c := b.view.chart.cursor; c < f.asked.from || c >= f.asked.from+f.asked.length {
		t.Errorf("the cursor is at %d, the map is %+v", c, f.asked)
	}
	press(b, "- -")
	if f.asked.length != 64<<10*cells*16 {
		t.Errorf("two steps back: %+v", f.asked)
	}
	for _, back := range []string{"esc", "0", "- - - - - - - - -"} {
		press(b, "+ "+back)
		if f.asked.from != 0 || f.asked.length != size || b.view.panel != panelMap {
			t.Errorf("back by %q: %+v", back, f.asked)
		}
	}
}

// The map is asked for when there may be something new on it, not for every key.
func TestTheMapIsNotAskedForAgain(t *testing.T) {
	b, f := newBoard(running51())
	b.resize(120, 40)
	before := f.surveys
	press(b, "6 down up")
	if f.surveys != before {
		t.Errorf("asked %d times for nothing new", f.surveys-before)
	}
	f.set(func(s *session.Snapshot, _ *captive.Screen) { s.Totals[block.Read].Requests++ })
	b.refresh()
	if f.surveys != before+1 {
		t.Errorf("asked %d times for what is new", f.surveys-before)
	}
	b.resize(40, 8)
	if b.refresh(); f.surveys != before+1 || b.view.chart.cells != nil {
		t.Error("asked where no map is to be seen")
	}
}

func TestEventsAreFiltered(t *testing.T) {
	shown := func(b *board) (n int) {
		for _, row := range lines(b) {
			if strings.Contains(row, "unix pid") && strings.Contains(row, ":00 ") || strings.Contains(row, ":51 client") {
				n++
			}
		}
		return n
	}
	b, f := newBoard(log40())
	press(b, "/ P i D backspace d   3 1")
	if b.view.filter != (filter{"Pid31", true}) {
		t.Fatalf("typed %+v", b.view.filter)
	}
	press(b, "backspace backspace")
	b.press(" ")
	press(b, "3 1")
	if n := shown(b); n != 1 {
		t.Errorf("%d events with %q", n, b.view.filter.text)
	}
	if got := f.took(); len(got) > 0 && slices.Contains(got, "pause") {
		t.Errorf("what was typed asked for %q", got)
	}
	press(b, "enter")
	b.press("p") // a command again
	if got := f.took(); !slices.Contains(got, "pause") || b.view.filter.text != "Pid 31" {
		t.Errorf("the session was asked for %q, the filter is %+v", got, b.view.filter)
	}
	press(b, "esc")
	if n := shown(b); n < 15 || b.view.filter.text != "" {
		t.Errorf("%d events without a filter", n)
	}
	press(b, "/ x esc")
	if b.view.filter != (filter{}) {
		t.Errorf("given up: %+v", b.view.filter)
	}
}

func TestKnobsAreTurned(t *testing.T) {
	for keys, want := range map[string]string{ // what the session is asked for
		"t enter backspace backspace K enter": "tune rate rate 22K",
		"t 1 0 M enter":                       "tune rate rate 10M",
		"t down down down enter esc":          "",
		"t down down down 5 esc enter enter":  "tune delay delay-write 20ms",
		"t up 0":                              "tune rate rate 220M",
		"t j j j j j j j j j j j 7 m s enter": "tune delay delay-open 7ms",
		"t p":                                 "pause", // with the panel open the session can still be paused
		"t esc 1 0":                           "",
		"t t":                                 "",
		"t 9 p q s enter":                     "tune rate rate 9pqs",
		"t enter backspace backspace backspace backspace b a d enter": "tune rate rate bad",
		"s": "save",
	} {
		b, f := newBoard(tunable())
		press(b, keys)
		if got := strings.Join(f.took(), ","); got != want {
			t.Errorf("after %q the session was asked for %q, want %q", keys, got, want)
		}
		if said := strings.Contains(b.draw(), "bad: no such rate"); said != strings.HasSuffix(want, "bad") {
			t.Errorf("after %q: a refusal was told: %v", keys, said)
		}
	}
	b, f := newBoard(running51())
	press(b, "t down 5 0")
	if got := strings.Join(f.took(), ","); got != "" || !strings.Contains(b.draw(), "nothing to turn") {
		t.Errorf("without knobs the session was asked for %q", got)
	}
}

// 0 is the value that a knob had when the dashboard began, whatever it was turned to since.
func TestAKnobGoesBackToWhereItWas(t *testing.T) {
	b, f := newBoard(tunable())
	f.set(func(s *session.Snapshot, _ *captive.Screen) {
		s.Knobs = slices.Clone(s.Knobs)
		s.Knobs[0].Value = "1M"
	})
	press(b, "t 0")
	if got := strings.Join(f.took(), ","); got != "tune rate rate 220M" {
		t.Errorf("the session was asked for %q", got)
	}
}

// What is stuck is said on every screen, in words.
func TestAStuckRequestIsSaidOnEveryScreen(t *testing.T) {
	if got := render(stuck(), captive.Screen{}, view{}, size{20, 3}, newTheme(false, true)); !strings.HasPrefix(strip(got), "[RUNNING]  ! STUCK") {
		t.Errorf("on the smallest screen the first line is %q", strings.Split(got, "\n")[0])
	}
	for _, z := range []size{{40, 8}, {80, 24}, {120, 40}, {200, 60}} {
		if got := render(stuck(), captive.Screen{}, view{}, z, newTheme(false, true)); !strings.Contains(strings.Split(got, "\n")[0], "! STUCK 43 s") {
			t.Errorf("at %v the first line is %q", z, strings.Split(got, "\n")[0])
		}
	}
}
