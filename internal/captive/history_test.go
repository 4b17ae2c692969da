package captive

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bare is a terminal without a child.
func bare(t *testing.T, w, h int) *terminal {
	x := newTerminal(w, h, func([]byte) {})
	t.Cleanup(x.close)
	return x
}

// numbered prints lines that say their number.
func numbered(x *terminal, from, to int) {
	for i := from; i < to; i++ {
		x.feed([]byte(strconv.Itoa(i) + "\r\n"))
	}
}

func TestTheNewestLinesAreKeptAndTheScreen(t *testing.T) {
	// Less than the backlog, and there until all of it is on the screen: nothing is skipped, however slow the machine is.
	c := onTerminal(t, "seq 12000; read word; echo; echo")
	shows(t, c, "the last line", func(s Screen) bool { return strings.Contains(text(s.Lines), "12000") })
	if _, err := c.Write([]byte("\r")); err != nil {
		t.Fatal(err)
	}
	ended(t, c)
	all := c.Tail(-1)
	if len(all) < scrollback || len(all) > scrollback+24 {
		t.Errorf("%d lines are kept", len(all))
	}
	for i, line := range all {
		if want := strconv.Itoa(12000 - len(all) + 1 + i); line != want {
			t.Fatalf("line %d is %q, want %q", i, line, want)
		}
	}
	if got := c.Tail(2); !cmp.Equal([]string{"11999", "12000"}, got) {
		t.Errorf("the last two are %q", got)
	}
	if got := c.Tail(0); len(got) != 0 {
		t.Errorf("the last zero are %q", got)
	}
}

// A line has its number for ever, on the screen and after it.
func TestLinesKeepTheirNumbers(t *testing.T) {
	x := bare(t, 20, 5)
	numbered(x, 0, 100)
	s := x.screen()
	if s.Oldest != 0 || s.Above != 96 || s.Lines[0] != "96" {
		t.Errorf("the screen begins with line %d, %q", s.Above, s.Lines[0])
	}
	for _, c := range []struct {
		from uint64
		n    int
		want []string
		at   uint64
	}{
		{0, 3, []string{"0", "1", "2"}, 0},
		{94, 4, []string{"94", "95", "96", "97"}, 94},
		{98, 100, []string{"98", "99", ""}, 98},
		{1000, 5, nil, 101},
		{7, 0, nil, 7},
		{7, -1, nil, 7},
	} {
		got := x.page(c.from, c.n)
		if !slices.Equal(got.Lines, c.want) || got.First != c.at || got.Skipped {
			t.Errorf("%d lines from %d on are %+v, want %q from %d on", c.n, c.from, got, c.want, c.at)
		}
	}
	numbered(x, 100, 2*scrollback)
	if p := x.page(0, 1); p.First != x.screen().Oldest || p.Lines[0] != fmt.Sprint(p.First) {
		t.Errorf("the oldest line is %+v", p)
	}
	before := x.page(15_000, 10)
	x.resize(10, 3)
	numbered(x, 2*scrollback, 2*scrollback+50)
	if diff := cmp.Diff(before, x.page(15_000, 10)); diff != "" {
		t.Error(diff)
	}
}

func TestAFullScreenProgramHasNoScrollback(t *testing.T) {
	x := bare(t, 20, 5)
	numbered(x, 0, 50)
	x.feed([]byte("\x1b[?1049h"))
	numbered(x, 0, 50) // the alternate screen's lines are nobody's
	if s := x.screen(); s.Oldest != s.Above || s.Above != 46 {
		t.Errorf("from %d on, the screen from %d", s.Oldest, s.Above)
	}
	if p := x.page(0, 100); len(p.Lines) != 5 || p.First != 46 {
		t.Errorf("%+v", p)
	}
	x.feed([]byte("\x1b[?1049l"))
	if p := x.page(0, 100); len(p.Lines) != 51 || p.Lines[45] != "45" {
		t.Errorf("and after it %+v", p)
	}
}

func TestClearingTheScrollback(t *testing.T) {
	x := bare(t, 20, 5)
	numbered(x, 0, 50)
	x.feed([]byte("\x1b[H\x1b[2J\x1b[3J"))
	if s := x.screen(); s.Oldest != s.Above || s.Above < 46 {
		t.Errorf("from %d on, the screen from %d", s.Oldest, s.Above)
	}
}

// The scrollback says where output is missing, and the tail does.
func TestSkippedOutputIsTold(t *testing.T) {
	x := bare(t, 20, 5)
	numbered(x, 0, 50)
	x.skip(nil)
	numbered(x, 90, 150)
	at := uint64(50)
	if got := x.page(at-1, 2); !got.Skipped || !slices.Equal(got.Lines, []string{"49", "90"}) {
		t.Errorf("around the gap: %+v", got)
	}
	for _, elsewhere := range []uint64{at - 2, at + 1} {
		if got := x.page(elsewhere, 2); got.Skipped {
			t.Errorf("elsewhere: %+v", got)
		}
	}
	lines := x.tail(-1)
	if i := slices.Index(lines, gapLine); i < 1 || lines[i-1] != "49" || lines[i+1] != "90" {
		t.Errorf("the tail has %q", lines)
	}
	if slices.Contains(x.tail(5), gapLine) {
		t.Error("the newest lines have a gap")
	}
	numbered(x, 150, 150+2*scrollback)
	if n := len(x.history.gaps); n != 0 {
		t.Errorf("%d gaps are kept for lines that are gone", n)
	}
}

// However long the lines are, and whatever colours they have, little is kept.
func TestTheScrollbackIsBounded(t *testing.T) {
	x := bare(t, 200, 5)
	var line strings.Builder
	for i := range 200 {
		fmt.Fprintf(&line, "\x1b[38;2;%d;9;9;48;2;9;%d;9mx", i, i)
	}
	for range 1000 {
		x.feed([]byte(line.String() + "\r\n"))
	}
	size := 0
	for _, r := range x.history.rows {
		size += len(r)
	}
	if size > scrollbackBytes || size != x.history.size || len(x.history.rows) < 100 {
		t.Errorf("%d lines of %d bytes are kept, counted as %d", len(x.history.rows), size, x.history.size)
	}
}

func TestLinesEndInWideCharacters(t *testing.T) {
	x := bare(t, 10, 2)
	for _, line := range []string{"漢字", "1234567890", "12345678漢", "\x1b[44m漢\x1b[m", "é ü", ""} {
		x.feed([]byte(line + "\r\n"))
	}
	want := []string{"漢字", "1234567890", "12345678漢", "\x1b[44m漢\x1b[m", "é ü"}
	if got := x.page(0, 5); !slices.Equal(got.Lines, want) {
		t.Errorf("the lines are %q, want %q", got.Lines, want)
	}
}
