package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/nbdtui/internal/terminaltest"
)

// seat is where somebody sits in front of the program, whatever terminal is between them.
type seat struct {
	*terminaltest.Terminal
	one  func(name keyName) // presses one key
	text func() string      // the screen
}

// keyName is a key as a terminal sends it and as tmux calls it; what has no name is text.
type keyName struct{ sent, tmux string }

var keyNames = map[string]keyName{
	"↑": {"\x1b[A", "Up"}, "↓": {"\x1b[B", "Down"}, "→": {"\x1b[C", "Right"}, "PgUp": {"\x1b[5~", "PageUp"}, "PgDn": {"\x1b[6~", "PageDown"},
	"Tab": {"\t", "Tab"}, "S-Tab": {"\x1b[Z", "BTab"}, "Enter": {"\r", "Enter"}, "Esc": {"\x1b", "Escape"},
	"^A": {"\x01", "C-a"}, "^C": {"\x03", "C-c"}, "^D": {"\x04", "C-d"},
}

// press presses keys, which blanks separate.
func (s *seat) press(keys string) {
	for word := range strings.FieldsSeq(keys) {
		name, ok := keyNames[word]
		if !ok {
			name = keyName{sent: word}
		}
		s.one(name)
	}
}

func (s *seat) until(what string, ok func(screen string) bool) {
	s.Until(what, func(string) bool { return ok(s.text()) })
}

func (s *seat) shows(text string) {
	s.until(text, func(screen string) bool { return strings.Contains(screen, text) })
}

func (s *seat) lacks(text string) {
	s.until("a screen without "+text, func(screen string) bool { return !strings.Contains(screen, text) })
}

func (s *seat) matches(expression string) {
	s.until(expression, regexp.MustCompile(expression).MatchString)
}

var focused = regexp.MustCompile(`[═=] \[([a-z ]+)`)

// focus is the panel that has the focus; empty for none.
func (s *seat) focus() string {
	if m := focused.FindStringSubmatch(s.text()); m != nil {
		return m[1]
	}
	return ""
}

// idle waits until both clients are there and have done what they do.
func (s *seat) idle() {
	s.until("two clients that have read, and have nothing in flight", func(screen string) bool {
		return strings.Contains(screen, "clients 2 ") && strings.Count(screen, "ready") == 2 && inFlightZero.MatchString(screen)
	})
}

// leave presses Esc, which never quits, until no panel has the focus.
func (s *seat) leave() {
	for {
		before := s.text()
		if !focused.MatchString(before) && strings.Contains(before, "q quit") {
			return
		}
		s.press("Esc")
		s.until("an effect of Esc", func(screen string) bool { return screen != before })
	}
}

// At the beginning of each case the session has two clients and a command that runs, and no panel has the focus.
var keyCases = []struct {
	keys string // of the help, that the case is about
	try  func(s *seat)
}{
	{"p r", func(s *seat) {
		s.press("p")
		s.shows("[P] PAUSED")
		s.press("r")
		s.lacks("[P] PAUSED")
		s.shows("[RUNNING]")
	}},
	{"↑ ↓ k j", func(s *seat) {
		for _, c := range []struct{ key, client string }{{"↓", "2"}, {"↑", "1"}, {"j", "2"}, {"k", "1"}} {
			s.press(c.key)
			s.matches("> +" + c.client + " unix pid")
		}
	}},
	{"PgUp PgDn g G", func(s *seat) {
		for _, c := range []struct{ key, client string }{{"PgDn", "2"}, {"PgUp", "1"}, {"G", "2"}, {"g", "1"}} {
			s.press(c.key)
			s.matches("> +" + c.client + " unix pid")
		}
	}},
	{"t s", func(s *seat) {
		s.press("t")
		s.shows("[tune]")
		s.press("Esc")
		s.lacks("[tune]")
		s.press("s")
		s.shows("snapshot written to")
	}},
	{"Tab S-Tab", func(s *seat) {
		first := ""
		s.press("Tab")
		s.until("a panel with the focus", func(string) bool { first = s.focus(); return first != "" })
		s.press("Tab")
		s.until("another one", func(string) bool { now := s.focus(); return now != "" && now != first })
		s.press("S-Tab")
		s.until("the first one", func(string) bool { return s.focus() == first })
	}},
	{"1-9", func(s *seat) {
		for i, title := range []string{"coverage", "map", "throughput", "requests and latency", "request mix", "clients ", "child", "in flight ", "events"} {
			s.press(fmt.Sprint(i + 1))
			s.until(title, func(string) bool { return s.focus() == title })
		}
	}},
	{"z Enter Esc", func(s *seat) {
		s.press("z")
		s.shows("z back")
		s.press("z")
		s.lacks("z back")
		s.press("6 Enter")
		s.shows("z back")
		s.press("Esc")
		s.lacks("z back")
	}},
	{"arrows + - 0", func(s *seat) {
		s.press("2")
		s.shows("+ - scale")                       // in the last row, which is written last
		if !strings.Contains(s.text(), "z back") { // there is no room for it beside the others
			s.press("z")
		}
		s.shows("bytes 0 to ")
		s.press("→")
		s.matches(`bytes [1-9][0-9]* to `)
		s.press("+")
		s.shows("[map from ")
		s.press("-")
		s.shows("[map]")
		s.press("+")
		s.shows("[map from ")
		s.press("0")
		s.shows("[map]")
	}},
	{"/ n N v y", func(s *seat) {
		s.press("7 /")
		s.shows("enter searches")
		s.press("line15 Enter")
		s.shows("11 of 11 places")
		s.press("n")
		s.shows("10 of 11 places")
		s.press("N")
		s.shows("11 of 11 places")
		s.press("v")
		s.shows("v mark")
		s.press("y")
		s.shows("copied 1 line")
	}},
	{"/", func(s *seat) {
		s.press("/ started Enter")
		s.shows("[events /started]")
		s.shows("child started")
		s.lacks("connected")
	}},
	{"^A A", func(s *seat) {
		s.press("^A")
		s.shows("^A back")
		s.press("xyz Enter")
		s.shows("78 79 7a")
		s.press("^A")
		s.shows("^A child")
		s.press("A ^A")
		s.shows("^A back")
		s.press("b Enter")
		s.shows("01 62")
		s.press("^A")
	}},
	{"m", func(s *seat) {
		s.press("m")
		s.shows("[MOUSE]")
		s.press("m")
		s.lacks("[MOUSE]")
	}},
	{"q ^C ?", func(s *seat) {
		s.press("?")
		s.shows("any key closes")
		s.press("x")
		s.lacks("any key closes")
		s.press("q")
		s.shows("Quit: child running, 2 clients.")
		s.press("Esc")
		s.lacks("Quit:")
		s.press("^C")
		s.shows("Quit: child running, 2 clients.")
		s.press("c")
		s.lacks("Quit:")
	}},
	{"R", func(s *seat) {
		s.press("^A ^D")
		s.shows("[FAILED]")
		s.press("^A")
		s.shows("R run again")
		s.matches("clients 0 ")
		s.press("R")
		s.lacks("[FAILED]")
		s.idle()
	}},
	{"d D", func(s *seat) {
		s.press("d")
		s.shows("leaving")
		s.press("↓ D")
		s.shows("by force? [d]isconnect")
		s.press("Enter") // is no
		s.lacks("by force?")
		s.press("D d")
		s.matches("clients 1 ")
	}},
}

// Every key that the help names does something that can be seen, in a terminal as such and in tmux.
func TestEveryKeyOfTheHelp(t *testing.T) {
	for _, c := range []struct {
		name          string
		sit           func(t *testing.T, width, height int, cmd *exec.Cmd) *seat
		width, height int
	}{
		{"terminal", inFrontOfATerminal, 100, 30},
		{"tmux", inFrontOfTmux, 80, 24},
		{"tmux", inFrontOfTmux, 120, 40},
		{"tmux", inFrontOfTmux, 200, 60},
	} {
		t.Run(fmt.Sprintf("%s/%dx%d", c.name, c.width, c.height), func(t *testing.T) {
			t.Parallel()
			peer(t, "nbdsh")
			cmd := exec.Command(program, "--hold=always", "memory", "1G", "--run", `seq -f 'line%g.' 200
				for client in 1 2; do
					PATH=/usr/bin:$PATH nbdsh -u "$nbd" -c 'h.pread(65536, 1 << 29); print("rea" + "dy")' -c 'while h.aio_is_ready(): h.poll(-1)' &
				done
				while read x; do printf %s "$x" | od -An -tx1; done
				kill $(jobs -p); exit 1`)
			cmd.Dir = t.TempDir()
			s := c.sit(t, c.width, c.height, cmd)
			s.idle()
			tried := []string{}
			for _, c := range keyCases {
				tried = append(tried, strings.Fields(c.keys)...)
				c.try(s)
				s.leave()
			}
			if words := helpedKeys(s); !slices.Equal(sorted(words), sorted(tried)) {
				t.Errorf("the help names %q; tried were %q", sorted(words), sorted(tried))
			}
			s.press("q")
			s.shows("Quit: child running")
			s.press("s")
			s.Wait()
			s.Sane()
		})
	}
}

// helpedKeys are the keys in the first column of the help, which are followed by other words.
func helpedKeys(s *seat) (words []string) {
	s.press("?")
	s.shows("any key closes")
	for _, row := range strings.Split(s.text(), "\n")[2:] {
		cells := []rune(row)
		column := strings.Fields(string(cells[2:17]))
		if slices.Equal(column, []string{"fl", "held"}) {
			break
		}
		words = append(words, column...)
	}
	s.press("x")
	s.lacks("any key closes")
	return words
}

func sorted(words []string) []string { return slices.Compact(slices.Sorted(slices.Values(words))) }

func TestTheDocsNameEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/dashboard.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range keyCases {
		for key := range strings.FieldsSeq(c.keys) {
			if !strings.Contains(string(text), "`"+key+"`") {
				t.Errorf("docs/dashboard.md does not name %s", key)
			}
		}
	}
}

func inFrontOfATerminal(t *testing.T, width, height int, cmd *exec.Cmd) *seat {
	x := onTerminalOf(t, []string{"TMPDIR=" + tempDir(t)}, width, height, cmd)
	return &seat{x, func(k keyName) { x.Type(k.sent) }, x.Text}
}

// inFrontOfTmux runs a program in a tmux of its own, which has the whole of a terminal. Keys and the screen are tmux's.
func inFrontOfTmux(t *testing.T, width, height int, cmd *exec.Cmd) *seat {
	peer(t, "tmux")
	dir := t.TempDir()
	conf := filepath.Join(dir, "tmux.conf")
	if err := os.WriteFile(conf, []byte("set -g status off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tmux := func(args ...string) *exec.Cmd {
		cmd := exec.Command("tmux", append([]string{"-u", "-S", filepath.Join(dir, "tmux"), "-f", conf}, args...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		return cmd
	}
	ask := func(args ...string) string {
		t.Helper()
		out, err := tmux(args...).CombinedOutput()
		if err != nil {
			t.Errorf("tmux %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	outer := tmux(append([]string{"new-session"}, cmd.Args...)...)
	outer.Dir = cmd.Dir
	x := onTerminalOf(t, []string{"TMPDIR=" + tempDir(t), "TMUX="}, width, height, outer)
	t.Cleanup(func() { tmux("kill-server").Run() }) // it has ended with its session where all is well
	press := func(k keyName) {
		if k.tmux == "" {
			ask("send-keys", "-l", "--", k.sent)
		} else {
			ask("send-keys", k.tmux)
		}
	}
	x.Shows("[") // the server is there, and the dashboard
	return &seat{x, press, func() string { return ask("capture-pane", "-p") }}
}
