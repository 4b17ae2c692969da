package ui

import (
	"fmt"
	"strings"
	"testing"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// The mouse's reports are taken out of what is typed, wherever reads cut them; all else stays as it is.
func TestMouseReportsAreTakenOut(t *testing.T) {
	for name, c := range map[string]struct {
		reads     []string
		full      bool // every read fills its buffer
		child     string
		dashboard string
		reports   string
	}{
		"off":                  {reads: []string{"off\x01\x1b[<0;10;5M"}, child: "\x1b[<0;10;5M", dashboard: "off"},
		"a click":              {reads: []string{"\x01a\x1b[<0;10;5Mb"}, child: "ab", reports: "{0 9 4 false}"},
		"a release":            {reads: []string{"x\x1b[<2;1;1my"}, dashboard: "xy", reports: "{2 0 0 true}"},
		"two":                  {reads: []string{"\x01\x1b[<64;1;1M\x1b[<65;200;100M"}, reports: "{64 0 0 false}{65 199 99 false}"},
		"cut":                  {reads: []string{"\x01\x1b[<6", "4;1", ";1M."}, child: ".", reports: "{64 0 0 false}"},
		"cut early":            {reads: []string{"\x01\x1b", "[", "<64;1;1M."}, full: true, child: ".", reports: "{64 0 0 false}"},
		"escape is a key":      {reads: []string{"\x01\x1b", "\x1b[", "A"}, child: "\x1b\x1b[A"},
		"escape, then a click": {reads: []string{"\x01\x1b\x1b\x1b[<0;1;1M"}, child: "\x1b\x1b", reports: "{0 0 0 false}"},
		"other keys":           {reads: []string{"\x01\x1b[A\x1b[5~\x1bO\x1b[<x\x1b[<;M\x1b[<1;2M"}, child: "\x1b[A\x1b[5~\x1bO\x1b[<x\x1b[<;M\x1b[<1;2M"},
		"no end of it":         {reads: []string{"\x01\x1b[<" + strings.Repeat("1", 40) + "M"}, child: "\x1b[<" + strings.Repeat("1", 40) + "M"},
		"a paste":              {reads: []string{"\x01\x1b[200~\x1b[<0;1;1M\x1b[201~\x1b[<0;1;1M"}, child: "\x1b[200~\x1b[<0;1;1M\x1b[201~", reports: "{0 0 0 false}"},
		"the focus key in it":  {reads: []string{"\x01\x1b[<0;\x01q"}, child: "\x1b[<0;", dashboard: "q"},
		"for the dashboard":    {reads: []string{"p\x1b[<0;", "1;1Mr", "\x1b"}, dashboard: "pr\x1b", reports: "{0 0 0 false}"},
		"cut off for ever":     {reads: []string{"p\x1b[<0;", "x"}, dashboard: "px"},
	} {
		t.Run(name, func(t *testing.T) {
			var child, dashboard, reports strings.Builder
			k := &keyboard{
				child: func(p []byte) { child.Write(p) }, moved: func(bool) {},
				pointed: func(r captive.Report) { fmt.Fprint(&reports, r) },
			}
			k.allow(true, true)
			k.point(name != "off")
			for _, r := range c.reads {
				p := []byte(r)
				dashboard.Write(p[:k.sort(p, c.full)])
			}
			if child.String() != c.child || dashboard.String() != c.dashboard || reports.String() != c.reports {
				t.Errorf("the child got %q, the dashboard %q, the mouse did %q", &child, &dashboard, &reports)
			}
		})
	}
}

// click presses and releases a button at a cell.
func click(b *board, button, x, y int) {
	b.pointed(captive.Report{Button: button, X: x, Y: y})
	if button < wheelUp {
		b.pointed(captive.Report{Button: button, X: x, Y: y, Release: true})
	}
}

func TestAClickFocuses(t *testing.T) {
	for _, c := range []struct {
		z    size
		x, y int
		want panel
	}{
		{size{80, 24}, 0, 0, noPanel},
		{size{80, 24}, 5, 7, panelClients},
		{size{80, 24}, 0, 11, panelChild},
		{size{80, 24}, 40, 15, panelChild},
		{size{80, 24}, 40, 23, noPanel},
		{size{120, 40}, 10, 4, panelMap},
		{size{120, 40}, 10, 7, panelThroughput},
		{size{120, 40}, 110, 7, panelRequests},
		{size{120, 40}, 110, 30, panelEvents},
		{size{120, 40}, 10, 30, panelChild},
		{size{200, 60}, 100, 1, panelCoverage},
	} {
		b, f := newBoard(running51())
		b.resize(c.z.w, c.z.h)
		f.took()
		click(b, 0, c.x, c.y)
		if b.view.panel != noPanel {
			t.Errorf("the mouse is off, and panel %d has the focus", b.view.panel)
		}
		press(b, "m")
		click(b, 0, c.x, c.y)
		if b.view.panel != c.want {
			t.Errorf("on %v at %d, %d panel %d got the focus, want %d", c.z, c.x, c.y, b.view.panel, c.want)
		}
		if got := lines(b)[c.z.h-1]; !strings.Contains(got, "[MOUSE]") {
			t.Errorf("the footer is %q", got)
		}
	}
}

func TestTheWheelScrolls(t *testing.T) {
	b, _ := printed()
	press(b, "m")
	click(b, wheelUp, 10, 15)
	if first, _, _, _ := childLines(b); first != "line 88." {
		t.Errorf("the panel begins with %q", first)
	}
	click(b, wheelDown, 10, 15)
	if first, _, _, _ := childLines(b); first != "line 91." || b.view.panel != noPanel {
		t.Errorf("the panel begins with %q", first)
	}
	// While the child has the keyboard, too: the next key goes back to the newest.
	b.typing(true)
	click(b, wheelUp, 10, 15)
	if first, _, _, _ := childLines(b); first != "line 88." || !b.view.typing || b.posture().caret {
		t.Errorf("the panel begins with %q", first)
	}
	b, _ = newBoard(crowd())
	press(b, "m")
	click(b, wheelDown, 10, 7)
	if c, _, _ := b.view.chosen(&b.snapshot); c.ID != 2 {
		t.Errorf("client %d is selected", c.ID)
	}
	b, _ = newBoard(log40())
	b.resize(120, 40)
	press(b, "m")
	click(b, wheelUp, 110, 30)
	if b.view.event != 37 {
		t.Errorf("the last event in sight is %d", b.view.event)
	}
}

// What the mouse does in the child's panel is told to a child that wants to know, while it has the keyboard or the
// panel the focus.
func TestTheChildsMouse(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(b *board)
		mouse   captive.Mouse
		want    string
	}{
		{"typing", func(b *board) { b.typing(true) }, captive.Mouse{Tracking: 1000, Encoding: 1006}, "\x1b[<0;10;2M\x1b[<0;10;2m"},
		{"typing, and it does not want", func(b *board) { b.typing(true) }, captive.Mouse{}, ""},
		{"the panel in focus", func(b *board) { press(b, "m 7") }, captive.Mouse{Tracking: 1002}, "\x1b[M *\"\x1b[M#*\""},
		{"another panel in focus", func(b *board) { press(b, "m 9") }, captive.Mouse{Tracking: 1000}, ""},
		{"zoomed", func(b *board) { press(b, "7 z"); b.typing(true) }, captive.Mouse{Tracking: 1000, Encoding: 1006}, "\x1b[<0;10;12M\x1b[<0;10;12m"},
		{"looking back", func(b *board) { press(b, "m 7 g") }, captive.Mouse{Tracking: 1000}, ""},
	} {
		b, f := printed()
		f.set(func(_ *session.Snapshot, s *captive.Screen) { s.Mouse = c.mouse })
		b.refresh()
		c.prepare(b)
		f.typed = nil
		click(b, 0, 10, 13)
		if string(f.typed) != c.want {
			t.Errorf("%s: the child was told %q, want %q", c.name, f.typed, c.want)
		}
	}
	// A drag that leaves the panel goes on at its edge.
	b, f := printed()
	f.set(func(_ *session.Snapshot, s *captive.Screen) { s.Mouse = captive.Mouse{Tracking: 1002, Encoding: 1006} })
	b.typing(true)
	b.refresh()
	for _, r := range []captive.Report{{X: 1, Y: 12}, {Button: 32, X: 79, Y: 0}, {Release: true}, {X: 79, Y: 0}} {
		b.pointed(r)
	}
	if want := "\x1b[<0;1;1M\x1b[<32;78;1M\x1b[<0;1;1m"; string(f.typed) != want {
		t.Errorf("a drag was told as %q, want %q", f.typed, want)
	}
}

func TestTheWheelIsArrowsForAFullScreenProgram(t *testing.T) {
	b, f := printed()
	f.set(func(_ *session.Snapshot, s *captive.Screen) { s.AltScreen, s.AppCursor, s.Oldest = true, true, s.Above })
	press(b, "m")
	b.typing(true)
	click(b, wheelUp, 10, 15)
	click(b, wheelDown, 10, 15)
	if want := "\x1bOA\x1bOA\x1bOA\x1bOB\x1bOB\x1bOB"; string(f.typed) != want {
		t.Errorf("the child got %q", f.typed)
	}
}

// The terminal is asked for no more than somebody wants to know.
func TestWhatTheTerminalTellsOfTheMouse(t *testing.T) {
	for _, c := range []struct {
		keys   string
		typing bool
		child  int
		want   int
	}{
		{"", false, 1003, 0},
		{"m", false, 0, 1000},
		{"m", false, 1003, 1000},
		{"m m", false, 1003, 0},
		{"m 7", false, 1003, 1003},
		{"7", false, 1003, 0},
		{"", true, 0, 0},
		{"", true, 9, 1000},
		{"", true, 1002, 1002},
		{"m", true, 0, 1000},
	} {
		b, f := printed()
		f.set(func(_ *session.Snapshot, s *captive.Screen) { s.Mouse.Tracking = c.child })
		press(b, c.keys)
		if c.typing {
			b.typing(true)
		}
		b.refresh()
		if got := b.posture().mouse; got != c.want {
			t.Errorf("%+v: the terminal is in mode %d", c, got)
		}
	}
}
