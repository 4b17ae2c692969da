package ui

import (
	"slices"
	"strings"
	"testing"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

func newBoard(s session.Snapshot) (*board, *fake) {
	f := newFake(s)
	b := &board{session: f, theme: newTheme(false, false)}
	b.resize(80, 24)
	b.refresh()
	f.took()
	return b, f
}

// idle is a session that nobody uses.
func idle() session.Snapshot {
	return with(func(s *session.Snapshot) { s.Child, s.Clients = nil, nil })
}

func TestKeys(t *testing.T) {
	quiet := with(func(s *session.Snapshot) { s.Clients[0].InFlight, s.Clients[0].Held = 0, 0 })
	stopping := with(func(s *session.Snapshot) { s.State = session.Stopping })
	served := with(func(s *session.Snapshot) { s.Child.Ended = s.Time; s.Child.Status = captive.Status{Code: 1} })
	for name, c := range map[string]struct {
		s     session.Snapshot
		keys  string // separated by blanks
		verbs string // separated by commas
		line  string // in the footer at the end
	}{
		"pause":                         {running51(), "p", "pause", "p pause"},
		"resume":                        {running51(), "r", "resume", "p pause"},
		"idempotent":                    {running51(), "p p r r", "pause,pause,resume,resume", ""},
		"d asks where requests are":     {running51(), "d", "", "Disconnect #1 once 12 requests are answered? [d]isconnect  [c]ancel"},
		"d does not ask an idle client": {quiet, "d", "disconnect 1 false", "p pause"},
		"d confirmed":                   {running51(), "d d", "disconnect 1 false", "p pause"},
		"D always asks":                 {quiet, "D", "", "Disconnect #1 by force? [d]isconnect  [c]ancel"},
		"D says what is lost":           {running51(), "D", "", "Disconnect #1 by force, 12 requests lost? [d]isconnect  [c]ancel"},
		"D confirmed":                   {running51(), "D d", "disconnect 1 true", "p pause"},
		"the second client":             {running51(), "down d d", "disconnect 2 false", ""},
		"j and k":                       {running51(), "j j k D d", "disconnect 1 true", ""},
		"not above the first":           {running51(), "up up D d", "disconnect 1 true", ""},
		"nobody to disconnect":          {idle(), "d D down up", "", "p pause"},
		"one request":                   {running51(), "down d", "", "Disconnect #2 once 1 request is answered? [d]isconnect  [c]ancel"},
		"q asks":                        {running51(), "q", "", "Quit: child running, 2 clients. [s]top all  [c]ancel"},
		"q with clients alone":          {served, "q", "", "Quit: 2 clients. [s]top all  [c]ancel"},
		"q confirmed":                   {running51(), "q s", "shutdown", "p pause"},
		"q with nothing running":        {idle(), "q", "shutdown", ""},
		"q again while stopping":        {stopping, "q q", "shutdown,shutdown", ""},
		"^C is q":                       {running51(), "ctrl+c", "", "Quit: child running, 2 clients."},
		"^C twice":                      {running51(), "ctrl+c ctrl+c", "shutdown", "p pause"},
		"^C while stopping":             {stopping, "ctrl+c", "shutdown", ""},
		"cancel by c":                   {running51(), "q c", "", "p pause"},
		"cancel by enter":               {running51(), "D enter", "", "p pause"},
		"cancel by esc":                 {running51(), "D esc", "", "p pause"},
		"an answer to another question": {running51(), "q d", "", "Quit:"},
		"no verb behind a question":     {running51(), "q p r", "", "Quit:"},
		"esc never quits":               {idle(), "esc esc", "", "p pause"},
		"help":                          {running51(), "?", "", "any key closes"},
		"any key closes help":           {running51(), "? q", "", "p pause"},
		"unknown keys":                  {running51(), "x Z 7 0 f1 é ctrl+z delete", "", "p pause"},
	} {
		t.Run(name, func(t *testing.T) {
			b, f := newBoard(c.s)
			for k := range strings.FieldsSeq(c.keys) {
				b.press(key(k))
			}
			if got := strings.Join(f.took(), ","); got != c.verbs {
				t.Errorf("the session was asked for %q, want %q", got, c.verbs)
			}
			b.refresh()
			rows := strings.Split(b.draw(), "\n")
			if last := strip(rows[len(rows)-1]); !strings.Contains(last, c.line) {
				t.Errorf("the footer is %q, want %q", last, c.line)
			}
		})
	}
}

// On a screen that is too small for all of it the help has pages, and every row of it is on one of them.
func TestTheHelpHasPages(t *testing.T) {
	for _, z := range []size{{20, 3}, {40, 8}, {60, 16}} {
		b, _ := newBoard(running51())
		b.resize(z.w, z.h)
		press(b, "?")
		text, pages := "", 0
		for ; b.view.help > 0; pages++ {
			text += strings.Join(lines(b), "\n")
			press(b, "x")
		}
		if pages < 2 || !strings.Contains(text, "any key closes") {
			t.Errorf("on %v there are %d pages", z, pages)
		}
		for _, row := range helpRows(z, b.theme) {
			if !strings.Contains(text, strings.TrimRight(strip(row), " ")) {
				t.Errorf("on %v %q is missing", z, strip(row))
			}
		}
		press(b, "? x esc")
		if b.view.help > 0 {
			t.Errorf("esc leads to page %d", b.view.help)
		}
	}
}

// A literal ^A for the child.
func TestTheFocusKeyCanBeSent(t *testing.T) {
	b, f := newBoard(running51())
	b.press("A")
	if string(f.typed) != "\x01" {
		t.Errorf("the child got %q", f.typed)
	}
}

// ^C twice means that nothing is waited for: each grace is ended when it begins.
func TestHurryEndsEveryGrace(t *testing.T) {
	b, f := newBoard(running51())
	b.press("ctrl+c")
	b.press("ctrl+c")
	f.took()
	f.set(func(s *session.Snapshot, _ *captive.Screen) { s.State, s.Grace = session.Stopping, 9e9 })
	b.refresh()
	if got := f.took(); !slices.Equal(got, []string{"shutdown"}) {
		t.Errorf("the session was asked for %q", got)
	}
}

// An answer must not become a command because the client went a moment ago.
func TestAQuestionOutlivesItsClient(t *testing.T) {
	b, f := newBoard(running51())
	b.press("down")
	b.press("D")
	f.set(func(s *session.Snapshot, _ *captive.Screen) { s.Clients = s.Clients[:1] })
	b.press("d")
	if got := f.took(); !slices.Equal(got, []string{"disconnect 2 true"}) {
		t.Errorf("the session was asked for %q", got)
	}
}

func TestSelectionStaysWithTheClient(t *testing.T) {
	b, f := newBoard(crowd())
	for range 4 {
		b.press("down")
	}
	f.set(func(s *session.Snapshot, _ *captive.Screen) { s.Clients = slices.Delete(slices.Clone(s.Clients), 0, 2) })
	b.refresh()
	if c, at, _ := b.view.chosen(&b.snapshot); c.ID != 5 || at != 2 {
		t.Errorf("client %d in row %d is selected", c.ID, at)
	}
	f.set(func(s *session.Snapshot, _ *captive.Screen) { s.Clients = s.Clients[:1] })
	b.refresh()
	if c, _, _ := b.view.chosen(&b.snapshot); c.ID != 3 {
		t.Errorf("client %d is selected, though only 3 is left", c.ID)
	}
}

func TestResizeTellsTheChildOnce(t *testing.T) {
	b, f := newBoard(running51())
	b.resize(120, 40)
	b.resize(120, 40)
	b.resize(0, 0)
	if got := f.took(); !slices.Equal(got, []string{"resize 80x20", "resize 78x9"}) {
		t.Errorf("the child was told %q", got)
	}
}

func TestTheFocusEndsWithTheChild(t *testing.T) {
	b, f := newBoard(running51())
	b.view.typing = true
	f.set(func(s *session.Snapshot, c *captive.Screen) {
		c.BracketedPaste, c.AppCursor, c.CursorShown, c.CursorX, c.CursorY, c.Width, c.Height = true, true, true, 3, 2, 78, 10
	})
	b.refresh()
	// Line 1, the coverage, the map, three rows of throughput, five of clients, a border; then the child's third row.
	if want := (posture{caret: true, x: 4, y: 14, paste: true, keys: true}); b.posture() != want {
		t.Errorf("the terminal stands as %+v, want %+v", b.posture(), want)
	}
	f.set(func(s *session.Snapshot, _ *captive.Screen) {
		ended := *s.Child
		ended.Ended = s.Time
		s.Child = &ended
	})
	b.refresh()
	if footer := lines(b)[23]; !b.view.typing || footer != " ^A back: the command has ended" {
		t.Errorf("a held child has lost the focus: %q", footer)
	}
	f.set(func(s *session.Snapshot, _ *captive.Screen) { s.State = session.Stopping })
	b.refresh()
	if want := (posture{paste: true}); b.view.typing || b.posture() != want {
		t.Errorf("the terminal stands as %+v, want %+v", b.posture(), want)
	}
}

// lines are the screen's, without colours.
func lines(b *board) []string { return strings.Split(strip(b.draw()), "\n") }

func press(b *board, keys string) {
	for k := range strings.FieldsSeq(keys) {
		b.press(key(k))
	}
}

// The focused panel is the one with the heavy border and the brackets, and there is one at most.
func TestTheFocusGoesRound(t *testing.T) {
	for _, c := range []struct {
		screen size
		keys   string
		titles string // of the focused panels, in brackets
	}{
		{size{120, 40}, "", ""},
		{size{120, 40}, "tab", "[map]"},
		{size{120, 40}, "tab tab", "[throughput]"},
		{size{120, 40}, "tab tab tab", "[requests and latency]"},
		{size{120, 40}, "tab tab tab tab", "[clients 2]"},
		{size{120, 40}, "tab tab tab tab tab tab", "[in flight 13]"},
		{size{120, 40}, "tab tab tab tab tab tab tab", "[events]"},
		{size{120, 40}, "tab tab tab tab tab tab tab tab", "[map]"},
		{size{120, 40}, "shift+tab", "[events]"},
		{size{120, 40}, "shift+tab shift+tab shift+tab shift+tab", "[clients 2]"},
		{size{120, 40}, "tab esc", ""},
		{size{120, 40}, "6", "[clients 2]"},
		{size{120, 40}, "6 9", "[events]"},
		{size{120, 40}, "1", "[coverage]"}, // which has no box there: it is zoomed
		{size{200, 60}, "shift+tab tab", "[coverage]"},
		{size{80, 24}, "tab", "[clients 2]"},
		{size{80, 24}, "tab tab", "[child: qemu-img convert -p $nbd out  RUNNING pid 4711]"},
		{size{80, 24}, "tab tab tab", "[clients 2]"},
		{size{80, 24}, "9", "[events]"},
		{size{80, 24}, "9 z", ""},
		{size{40, 8}, "tab", ""},
		{size{40, 8}, "6 tab tab tab", "[events]"},
	} {
		b, _ := newBoard(running51())
		b.resize(c.screen.w, c.screen.h)
		press(b, c.keys)
		var titles string
		for _, row := range lines(b) {
			for _, piece := range strings.Split(row, "╔") {
				if title, _, ok := strings.Cut(piece, "] "); ok && strings.HasPrefix(title, "═ [") {
					titles += strings.TrimPrefix(title, "═ ") + "]"
				}
			}
		}
		if titles != c.titles {
			t.Errorf("at %v after %q the focus is on %q, want %q\n%s", c.screen, c.keys, titles, c.titles, strings.Join(lines(b), "\n"))
		}
	}
}

func TestRunningAgain(t *testing.T) {
	b, f := newBoard(running51())
	press(b, "R")
	if got := f.took(); len(got) > 0 {
		t.Errorf("a command that runs was run again: %q", got)
	}
	f.set(func(s *session.Snapshot, _ *captive.Screen) {
		s.State = session.Listening // no client ever came
		s.Child = &session.Child{Command: "false", Run: 1, Pid: 1, Ended: s.Time, Status: captive.Status{Code: 1}}
	})
	b.refresh()
	if got := lines(b); !strings.HasPrefix(got[0], "[FAILED]  child exited 1") || !strings.HasPrefix(got[23], " R run again") {
		t.Errorf("the screen says %q and %q", got[0], got[23])
	}
	press(b, "R")
	if got := strings.Join(f.took(), ","); got != "rerun" {
		t.Errorf("the session was asked for %q", got)
	}
}

func TestAZoomedChildHasTheWholeScreen(t *testing.T) {
	b, f := newBoard(running51())
	press(b, "z")
	b.typing(true)
	b.refresh()
	f.set(func(_ *session.Snapshot, c *captive.Screen) {
		c.Lines, c.CursorShown, c.CursorX, c.CursorY = make([]string, 20), true, 3, 2
	})
	b.refresh()
	if p := b.posture(); !p.caret || p.x != 4 || p.y != 4 {
		t.Errorf("the cursor stands at %d, %d", p.x, p.y)
	}
	b.typing(false)
	press(b, "esc esc")
	press(b, "tab enter z")
	if got := strings.Join(f.took(), ","); got != "resize 78x20,resize 78x9" {
		t.Errorf("the child was told %q", got)
	}
}

// Whoever types must see what.
func TestTypingShowsTheChild(t *testing.T) {
	b, _ := newBoard(running51())
	press(b, "6 z")
	b.typing(true)
	if got := strings.Join(lines(b), "\n"); !strings.Contains(got, "[child: ") || strings.Contains(got, "[clients") {
		t.Errorf("the screen is\n%s", got)
	}
}

// A panel that the screen has no room for any more loses the focus.
func TestTheFocusEndsWithItsPanel(t *testing.T) {
	b, _ := newBoard(running51())
	b.resize(120, 40)
	press(b, "tab")
	b.resize(80, 24)
	if b.view.panel != noPanel {
		t.Errorf("panel %d has the focus", b.view.panel)
	}
}

func TestEventsScroll(t *testing.T) {
	for keys, want := range map[string]struct{ last, note string }{
		"9":                {"unix pid 4000", ""},
		"9 up":             {"unix pid 3900", "+1 new"},
		"9 k k j":          {"unix pid 3900", "+1 new"},
		"9 up down down":   {"unix pid 4000", ""},
		"9 pgup":           {"unix pid 2100", "+19 new"},
		"9 pgup pgdown":    {"unix pid 4000", ""},
		"9 g":              {"unix pid 2000", "+20 new"},
		"9 home up":        {"unix pid 2000", "+20 new"},
		"9 g G":            {"unix pid 4000", ""},
		"9 g esc esc 9":    {"unix pid 4000", ""},
		"9 g z 9":          {"unix pid 2000", "+20 new"},
		"9 pgup pgup pgup": {"unix pid 2000", "+20 new"},
	} {
		b, f := newBoard(log40())
		press(b, keys)
		rows := lines(b)
		if last := rows[len(rows)-3]; !strings.Contains(last, want.last) || !strings.Contains(rows[1], want.note) {
			t.Errorf("after %q the last row is %q, the border %q", keys, last, rows[1])
		}
		// What is scrolled stays where it is.
		f.set(func(s *session.Snapshot, _ *captive.Screen) {
			s.Events = append(slices.Clone(s.Events), session.Event{Seq: 41, Time: s.Time, Text: "one more"})
		})
		b.refresh()
		if moved := lines(b)[len(rows)-3]; strings.Contains(moved, "one more") != (want.note == "") {
			t.Errorf("after %q and an event the last row is %q", keys, moved)
		}
	}
}

func TestClientsScrollByPages(t *testing.T) {
	for keys, want := range map[string]uint64{
		"G": 12, "end up": 11, "G g": 1, "pgdown": 2, "pgdown pgdown pgup": 2, "6 z pgdown": 12, "9 g z down": 2,
	} {
		b, _ := newBoard(crowd())
		press(b, keys)
		if c, _, _ := b.view.chosen(&b.snapshot); c.ID != want {
			t.Errorf("after %q client %d is selected, want %d", keys, c.ID, want)
		}
	}
}

// The footer has the keys that do something, and no others.
func TestTheFooterTellsWhatKeysDo(t *testing.T) {
	ended := with(func(s *session.Snapshot) { s.State, s.Clients, s.Child.Ended = session.Ended, nil, s.Time })
	for name, c := range map[string]struct {
		s    session.Snapshot
		keys string
		want string
	}{
		"running":   {running51(), "", " p pause  ^A child  z zoom  tab panel  d D disconnect  s save"},
		"paused":    {pausedFor(2e9), "", " r resume  ^A child  z zoom  tab panel  d D disconnect  s save"},
		"ended":     {ended, "", " z zoom  tab panel  s save"},
		"stopping":  {with(func(s *session.Snapshot) { s.State = session.Stopping }), "", " ^A child  z zoom  tab panel  d D disconnect  ↑ ↓ client          ? help  q now"},
		"no child":  {idle(), "", " p pause  tab panel  s save"},
		"zoomed":    {idle(), "9 z 9", " p pause  z back  tab panel  ↑ ↓ scroll  / filter  s save"},
		"long wait": {pausedFor(31e9), "", " * paused 00:31: kernel clients and guests give up  r resume"},
	} {
		b, _ := newBoard(c.s)
		press(b, c.keys)
		rows := lines(b)
		if got := rows[len(rows)-1]; strings.TrimRight(strings.TrimSuffix(got, "? help  q quit"), " ") != c.want {
			t.Errorf("%s: the footer is %q, want %q", name, got, c.want)
		}
	}
}
