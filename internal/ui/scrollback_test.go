package ui

import (
	"fmt"
	"strings"
	"testing"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// printed is a board whose child has printed the lines 0 to 99, the last 9 of which are on its screen.
func printed() (*board, *fake) {
	b, f := newBoard(running51())
	for i := range 91 {
		f.printed = append(f.printed, fmt.Sprintf("line %d.", i))
	}
	f.set(func(_ *session.Snapshot, c *captive.Screen) {
		*c = captive.Screen{Width: 78, Height: 9, Above: 91, CursorY: 8, CursorX: 3, CursorShown: true}
		for i := range 9 {
			c.Lines = append(c.Lines, fmt.Sprintf("\x1b[31mline\x1b[m %d.", 91+i))
		}
	})
	b.refresh()
	return b, f
}

// more prints n lines.
func more(f *fake, n int) {
	f.set(func(_ *session.Snapshot, c *captive.Screen) {
		for range n {
			f.printed = append(f.printed, c.Lines[0])
			c.Lines = append(append([]string(nil), c.Lines[1:]...), fmt.Sprintf("line %d.", c.Above+9))
			c.Above++
		}
	})
}

// childLines are the first and the last line in the child's panel, its title's note, and the footer.
func childLines(b *board) (first, last, note, footer string) {
	rows := lines(b)
	for i, row := range rows {
		if strings.Contains(row, "child: ") {
			text := func(r string) string { return strings.TrimSpace(strings.Trim(r, "║│")) }
			return text(rows[i+1]), text(rows[i+9]), row, strings.TrimSpace(rows[len(rows)-1])
		}
	}
	return "", "", "", ""
}

func TestTheChildsOutputScrolls(t *testing.T) {
	for keys, want := range map[string]string{
		"7":                      "line 91.",
		"7 up":                   "line 90.",
		"7 k k j":                "line 90.",
		"7 pgup":                 "line 83.",
		"7 g":                    "line 0.",
		"7 g pgup up":            "line 0.",
		"7 g pgdown":             "line 8.",
		"7 g down G":             "line 91.",
		"7 up down":              "line 91.",
		"7 g esc":                "line 91.",
		"7 pgup z z":             "line 83.",
		"7 pgup tab":             "line 83.",
		"7 / 5 . enter":          "line 91.", // 95 is in sight
		"7 / 5 . enter n":        "line 82.",
		"7 / 5 . enter n N":      "line 90.",
		"7 / L I N E enter":      "line 91.",
		"7 / 7 x backspace \\":   "line 91.",
		"7 / 7 ctrl+u 3 3 enter": "line 30.",
	} {
		b, f := printed()
		press(b, keys)
		first, _, _, _ := childLines(b)
		if first != want {
			t.Errorf("after %q the panel begins with %q, want %q", keys, first, want)
		}
		back := b.view.back.on
		more(f, 5)
		b.refresh()
		if first, _, note, _ := childLines(b); back && (first != want || !strings.Contains(note, "+5 new")) || !back && first != "line 96." {
			t.Errorf("after %q and five lines the panel begins with %q, and its border is %q", keys, first, note)
		}
	}
}

func TestSearchingTheChildsOutput(t *testing.T) {
	for keys, want := range map[string]string{
		"7 /":                         "/   enter searches",
		"7 / 5 .":                     "/5.   enter searches",
		"7 / p q":                     "/pq   enter searches", // no commands
		"7 / 5 . enter":               "10 of 10 places",
		"7 / 5 . enter n":             "9 of 10 places",
		"7 / 5 . enter N":             "1 of 10 places",
		"7 / 5 . enter n N":           "10 of 10 places",
		"7 / 4 2 . enter n":           "1 of 1 place",
		"7 / n o n e enter":           "not found: none",
		"7 / 5 . enter up":            "n older  N newer",
		"7 n":                         "nothing to search for",
		"7 / 5 . esc":                 "/ search  v select",
		"7 / 5 . enter n n n n n n n": "3 of 10 places",
	} {
		b, f := printed()
		press(b, keys)
		if _, _, _, footer := childLines(b); !strings.HasPrefix(footer, want) {
			t.Errorf("after %q the footer is %q, want %q", keys, footer, want)
		}
		if got := f.took(); len(got) > 0 {
			t.Errorf("after %q the session was asked for %q", keys, got)
		}
	}
	b, _ := printed()
	press(b, "7 / 8 5 . enter")
	if !strings.Contains(b.draw(), "\x1b[7m85.\x1b[m") {
		t.Errorf("what was found is not set off:\n%q", b.draw())
	}
}

func TestSelectingAndCopying(t *testing.T) {
	for keys, want := range map[string]string{
		"7 v y":                      "line 99.", // the cursor's line
		"7 v up y":                   "line 98.",
		"7 v up v down y":            "line 98.\nl",
		"7 v v l l l y":              "line",
		"7 v $ v 0 up y":             "line 98.\nline 99.",
		"7 v v v y":                  "line 99.",
		"7 v g v G $ y":              all100(),
		"7 v g v pgdown y":           strings.Join(strings.Split(all100(), "\n")[:8], "\n") + "\nl",
		"7 g y":                      strings.Join(strings.Split(all100(), "\n")[:9], "\n"),
		"7 / 4 2 . enter v v l y":    "42",
		"7 / 4 2 . enter v v up $ y": ".\nline 42",
	} {
		b, _ := printed()
		press(b, keys)
		if want == ".\nline 42" { // the mark is at 42, the caret at the end of the line above
			want = ".\nline 4"
		}
		if b.clipboard != want {
			t.Errorf("after %q the clipboard has %q, want %q", keys, b.clipboard, want)
		}
		if _, _, _, footer := childLines(b); !strings.HasPrefix(footer, "copied ") {
			t.Errorf("after %q the footer is %q", keys, footer)
		}
	}
}

func all100() string {
	var rows []string
	for i := range 100 {
		rows = append(rows, fmt.Sprintf("line %d.", i))
	}
	return strings.Join(rows, "\n")
}

func TestTooMuchForAClipboard(t *testing.T) {
	b, f := printed()
	for i := range f.printed {
		f.printed[i] = strings.Repeat("x", 1000)
	}
	press(b, "7 v g v G y")
	if _, _, _, footer := childLines(b); b.clipboard != "" || !strings.HasPrefix(footer, "too much") {
		t.Errorf("%d bytes were copied; the footer is %q", len(b.clipboard), footer)
	}
}

// Lines that are kept no more cannot be looked at; the view goes on with the oldest.
func TestLookingBackFartherThanIsKept(t *testing.T) {
	b, f := printed()
	press(b, "7 g")
	f.set(func(_ *session.Snapshot, c *captive.Screen) { c.Oldest = 40 })
	b.refresh()
	if first, _, _, _ := childLines(b); first != "line 40." {
		t.Errorf("the panel begins with %q", first)
	}
}

func TestTypingShowsTheNewest(t *testing.T) {
	b, _ := printed()
	press(b, "7 g v")
	b.typing(true)
	b.refresh()
	if first, _, note, _ := childLines(b); first != "line 91." || strings.Contains(note, "↑") {
		t.Errorf("the panel begins with %q", first)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		text, query string
		want        string
	}{
		{"abcabc", "bc", "[{1 3} {4 6}]"},
		{"ABC", "bc", "[{1 3}]"},
		{"abc", "Bc", "[]"},
		{"漢字 kanji", "kan", "[{5 8}]"},
		{"漢字", "字", "[{2 4}]"},
		{"aaa", "aa", "[{0 2}]"},
		{"any", "", "[]"},
	} {
		if got := fmt.Sprint(matches(c.text, c.query)); got != c.want {
			t.Errorf("%q stands in %q at %s, want %s", c.query, c.text, got, c.want)
		}
	}
}

func TestMarkingARow(t *testing.T) {
	th := newTheme(false, false)
	for _, c := range []struct {
		row  string
		m    span
		want string
	}{
		{"plain", span{1, 3}, "p\x1b[m\x1b[7mla\x1b[min"},
		{"\x1b[31mred\x1b[m end", span{1, 2}, "\x1b[31mr\x1b[m\x1b[m\x1b[7me\x1b[m\x1b[31md\x1b[m end"},
		{"ab", span{4, 5}, "ab  \x1b[m\x1b[7m \x1b[m"},
	} {
		if got := th.mark(c.row, c.m, selected); strings.ReplaceAll(got, "\x1b[m", "") != strings.ReplaceAll(c.want, "\x1b[m", "") || width(got) < width(c.row) {
			t.Errorf("%q with %v marked is %q, want %q", c.row, c.m, got, c.want)
		}
	}
}

// The lines of another run have nothing to do with those of the last one.
func TestAnotherRunIsShownFromItsNewest(t *testing.T) {
	b, f := printed()
	press(b, "7 g v")
	f.set(func(_ *session.Snapshot, c *captive.Screen) { c.Run++ })
	b.refresh()
	if first, _, _, _ := childLines(b); first != "line 91." || b.view.back.on {
		t.Errorf("the panel begins with %q", first)
	}
}
