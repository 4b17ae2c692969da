package captive

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
)

func TestTheChildKnowsItsSize(t *testing.T) {
	c := onTerminal(t, "trap 'stty size; exit 0' WINCH; stty size; while :; do read x; done", sized(91, 17))
	says(t, c, "17 91")
	c.Resize(123, 45)
	ended(t, c)
	s := says(t, c, "45 123")
	if s.Width != 123 || s.Height != 45 || len(s.Lines) != 45 {
		t.Errorf("the screen is %dx%d with %d lines", s.Width, s.Height, len(s.Lines))
	}
}

func TestNoSizeIsTooSmallOrTooLarge(t *testing.T) {
	c := onTerminal(t, "stty size; while read x; do stty size; printf 'wide 漢字\\033[5;5Hx'; done", sized(0, -1))
	shows(t, c, "a cell", func(s Screen) bool { return s.Width == 1 && s.Height == 1 })
	for _, size := range [][2]int{{1 << 20, 1 << 20}, {1, 1}, {2, 1}, {1, 500}, {80, 24}} {
		c.Resize(size[0], size[1])
		c.Write([]byte("\n"))
		s := c.Screen()
		if len(s.Lines) != s.Height || s.CursorX >= s.Width || s.CursorY >= s.Height {
			t.Errorf("at %v: %d lines, cursor %d,%d on %dx%d", size, len(s.Lines), s.CursorX, s.CursorY, s.Width, s.Height)
		}
	}
	says(t, c, "24 80")
}

func TestShrinkingKeepsTheCursorsLine(t *testing.T) {
	c := onTerminal(t, "seq 20; printf 'prompt> '; read x")
	says(t, c, "prompt>")
	c.Resize(80, 5)
	s := says(t, c, "prompt>")
	if want := []string{"17", "18", "19", "20", "prompt>"}; !cmp.Equal(want, s.Lines) || s.CursorY != 4 || s.CursorX != 8 {
		t.Errorf("the screen has %q, the cursor at %d,%d", s.Lines, s.CursorX, s.CursorY)
	}
	if got := c.Tail(-1); len(got) != 21 || got[0] != "1" {
		t.Errorf("the tail has %q", got)
	}
}

func TestCharactersSplitAcrossWritesAreWhole(t *testing.T) {
	bytewise := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			b.WriteString("printf '\\" + strconv.FormatInt(int64(s[i]), 8) + "'; sleep 0.01; ")
		}
		return b.String()
	}
	c := onTerminal(t, bytewise("ü漢\033[1m€😀\033[m"))
	ended(t, c)
	if s := says(t, c, "ü漢€😀"); s.Lines[0] != "ü漢\x1b[1m€😀\x1b[m" {
		t.Errorf("the line is %q", s.Lines[0])
	}
}

func TestOutputThatIsNotUTF8LosesNothingElse(t *testing.T) {
	c := onTerminal(t, `printf 'caf\351\nnext \364\033[1mbold\033[m \233 \302\233 end\n\342'`)
	ended(t, c)
	s := says(t, c, "end")
	if want := []string{"caf\uFFFD", "next \uFFFD\x1b[1mbold\x1b[m \uFFFD  end"}; !cmp.Equal(want, s.Lines[:2]) {
		t.Errorf("the lines are %q", s.Lines[:2])
	}
}

func TestRowsAreNeverWiderThanTheTerminal(t *testing.T) {
	c := onTerminal(t, `printf '1234漢字かな\r\n\033[2;10H漢\033[3;9H漢\033[3;10Hx\033[4;1H\033]8;;http://x/\007link\033]8;;\007'`,
		sized(9, 6))
	ended(t, c)
	s := c.Screen()
	for _, line := range s.Lines {
		if ansi.StringWidth(line) > s.Width {
			t.Errorf("%q is %d wide", line, ansi.StringWidth(line))
		}
	}
	if want := "1234漢字"; s.Lines[0] != want {
		t.Errorf("the first line is %q, want %q", s.Lines[0], want)
	}
	if want := "link"; s.Lines[3] != want {
		t.Errorf("the link's line is %q, want %q", s.Lines[3], want)
	}
}

func TestColoursPassAsTheyAre(t *testing.T) {
	c := onTerminal(t, `printf '\033[31mred\033[1m bold\033[m  \033[48;5;200mbg\033[38;2;1;2;3;4mrgb\033[m plain  \n'`)
	ended(t, c)
	want := "\x1b[31mred\x1b[1m bold\x1b[m  \x1b[48;5;200mbg\x1b[38;2;1;2;3;4mrgb\x1b[m plain"
	if got := c.Screen().Lines[0]; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTheScreenSaysWhatTheChildAskedFor(t *testing.T) {
	c := onTerminal(t, `stty -echo
		printf 'main\033[?1049h\033[?2004h\033[?1h\033[?25lalt'; read x
		printf '\033[?1049l\033[?2004l\033[?1l\033[?25hback'; read x
		printf '\033[?1049h\033[2;3Hleft up'`)
	type wish struct{ Alt, Paste, Keys, Shown bool }
	asked := func(s Screen) wish { return wish{s.AltScreen, s.BracketedPaste, s.AppCursor, s.CursorShown} }
	if got := asked(says(t, c, "alt")); got != (wish{true, true, true, false}) {
		t.Errorf("on the alternate screen: %+v", got)
	}
	if text(c.Screen().Lines) == "main" {
		t.Error("the main screen shows through")
	}
	c.Write([]byte("\n"))
	if got := asked(says(t, c, "back")); got != (wish{false, false, false, true}) {
		t.Errorf("back on the main screen: %+v", got)
	}
	c.Write([]byte("\n"))
	ended(t, c)
	if got := c.Tail(-1); !cmp.Equal([]string{"", "  left up"}, got) {
		t.Errorf("the tail is %q", got)
	}
}

func TestFullScreenProgramsWork(t *testing.T) {
	for program, command := range map[string]string{
		"vim":  "vim -N -u NONE -i NONE --not-a-term ",
		"less": "LESS= LESSHISTFILE=- less ",
	} {
		t.Run(program, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				missing(t, err.Error())
			}
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, []byte(strings.Repeat("a line of it\n", 100)+"the last\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c := onTerminal(t, "echo before; "+command+file+"; echo after $?")
			shows(t, c, "the file", func(s Screen) bool {
				return s.AltScreen && strings.Count(text(s.Lines), "a line of it") > 20
			})
			c.Write([]byte("G"))
			says(t, c, "the last")
			c.Resize(100, 40)
			c.Write([]byte("\f")) // less misses a SIGWINCH that comes just before it reads, until a key comes
			shows(t, c, "the new rows", func(s Screen) bool { return s.Height == 40 && s.Lines[35] != "" })
			quit := "q"
			if program == "vim" {
				quit = ":q!\r"
			}
			c.Write([]byte(quit))
			ended(t, c)
			if s := c.Screen(); s.AltScreen || !strings.Contains(text(s.Lines), "before\nafter 0") {
				t.Errorf("afterwards: %q", s.Lines)
			}
		})
	}
}

func TestTheChildGetsTheTerminalsAnswer(t *testing.T) {
	c := onTerminal(t, `stty raw -echo; printf '\033[c'; dd bs=1 count=10 2>/dev/null | od -An -c; stty sane; read x; echo "$x"`)
	s := says(t, c, `033   [   ?   6   2   ;   1   ;   6   ;`)
	c.Write([]byte("typed ü\n"))
	ended(t, c)
	if now := says(t, c, "typed ü"); now.Version == s.Version {
		t.Error("the version stands still")
	}
}

func TestAChildThatReadsNothingCostsNothing(t *testing.T) {
	c := onTerminal(t, `stty raw -echo; i=0; while [ $i -lt 5000 ]; do printf '\033[c\033[6n'; i=$((i+1)); done; echo asked; exec sleep 1000`)
	says(t, c, "asked")
	key := []byte(strings.Repeat("x", 4<<10))
	for range 1 << 10 {
		if _, err := c.Write(key); err != nil {
			c.console.input.mu.Lock()
			defer c.console.input.mu.Unlock()
			if n := len(c.console.input.data); n > maxTyped {
				t.Errorf("%d bytes wait", n)
			}
			return
		}
	}
	t.Error("4 MiB were taken")
}

func TestAnUnchangedScreenIsNotMadeAgain(t *testing.T) {
	c := onTerminal(t, "seq 20")
	ended(t, c)
	c.Screen()
	if n := testing.AllocsPerRun(10, func() { c.Screen() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
