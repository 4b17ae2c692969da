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
		"d asks where requests are":     {running51(), "d", "", "Disconnect #1, 12 requests lost? [d]isconnect  [c]ancel"},
		"d does not ask an idle client": {quiet, "d", "disconnect 1 false", "p pause"},
		"d confirmed":                   {running51(), "d d", "disconnect 1 false", "p pause"},
		"D always asks":                 {quiet, "D", "", "Disconnect #1 by force? [d]isconnect  [c]ancel"},
		"D confirmed":                   {running51(), "D d", "disconnect 1 true", "p pause"},
		"the second client":             {running51(), "down d d", "disconnect 2 false", ""},
		"j and k":                       {running51(), "j j k D d", "disconnect 1 true", ""},
		"not above the first":           {running51(), "up up D d", "disconnect 1 true", ""},
		"nobody to disconnect":          {idle(), "d D down up", "", "p pause"},
		"one request":                   {running51(), "down d", "", "Disconnect #2, 1 request lost? [d]isconnect  [c]ancel"},
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
		"unknown keys":                  {running51(), "x Z 7 enter tab f1 é ctrl+z home", "", "p pause"},
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
	if got := f.took(); !slices.Equal(got, []string{"resize 80x24", "resize 78x10"}) {
		t.Errorf("the child was told %q", got)
	}
}

func TestTheFocusEndsWithTheChild(t *testing.T) {
	b, f := newBoard(running51())
	b.view.focus = true
	f.set(func(s *session.Snapshot, c *captive.Screen) {
		c.BracketedPaste, c.AppCursor, c.CursorShown, c.CursorX, c.CursorY, c.Width, c.Height = true, true, true, 3, 2, 78, 10
	})
	b.refresh()
	// Line 1, three rows of throughput, five of clients, a border; then the child's third row.
	if want := (posture{caret: true, x: 4, y: 12, paste: true, keys: true}); b.posture() != want {
		t.Errorf("the terminal stands as %+v, want %+v", b.posture(), want)
	}
	f.set(func(s *session.Snapshot, _ *captive.Screen) {
		ended := *s.Child
		ended.Ended = s.Time
		s.Child = &ended
	})
	b.refresh()
	if want := (posture{paste: true}); b.view.focus || b.posture() != want {
		t.Errorf("the terminal stands as %+v, want %+v", b.posture(), want)
	}
}
