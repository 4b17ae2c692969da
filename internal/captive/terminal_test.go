package captive

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/google/go-cmp/cmp"
)

func fresh(t testing.TB, width, height int) *terminal {
	term := newTerminal(width, height, func([]byte) {})
	t.Cleanup(term.close)
	return term
}

// sound fails where a screen could harm ours.
func sound(t testing.TB, s Screen) {
	t.Helper()
	if len(s.Lines) != s.Height || s.CursorX < 0 || s.CursorX >= s.Width || s.CursorY < 0 || s.CursorY >= s.Height {
		t.Fatalf("%d lines, cursor %d,%d on %dx%d", len(s.Lines), s.CursorX, s.CursorY, s.Width, s.Height)
	}
	for _, line := range s.Lines {
		if w := ansi.StringWidth(line); w > s.Width {
			t.Fatalf("%q is %d wide of %d", line, w, s.Width)
		}
		for rest := line; rest != ""; {
			before, seq, found := strings.Cut(rest, "\x1b[")
			for _, r := range before {
				if r < ' ' || r >= 0x7f && r < 0xa0 {
					t.Fatalf("%q has %q", line, r)
				}
			}
			if !found {
				break
			}
			end := strings.IndexFunc(seq, func(r rune) bool { return !strings.ContainsRune("0123456789;:", r) })
			if end < 0 || seq[end] != 'm' {
				t.Fatalf("%q has a sequence that is not SGR", line)
			}
			rest = seq[end+1:]
		}
	}
}

// Each of these was slow, or panicked, or filled the memory, without its fence.
func TestFences(t *testing.T) {
	for _, hostile := range []string{
		"x\x1b[999999999b", "\x1b[999999999I", "\x1b[999999999Z", "\x1b[999999999X", "\x1b[999999999@",
		"\x1b[999999999P", "\x1b[999999999L", "\x1b[999999999M", "\x1b[999999999S", "\x1b[999999999T",
		"\x1b[999999999A", "\x1b[999999999B", "\x1b[999999999C", "\x1b[999999999D", "\x1b[999999999E",
		"\x1b[999999999F", "\x1b[999999999G", "\x1b[999999999d", "\x1b[999999999e", "\x1b[999999999a",
		"\x1b[999999999`", "\x1b[999999999;999999999H", "\x1b[999999999;999999999f",
		"\x1b[99999999999999999999999b", "\x1b[1;999r\x1b[999B\n\n\nx\x1b[M\x1b[L",
		"\x1b[?69h\x1b[1;999s\x1b[M\x1b[L\x1b[S", "\x1b[5;999r\x1bM\x1b[T\x1b[r",
		"\x1b[8;99999;99999t", "\x1b]0;" + strings.Repeat(";", 1<<20) + "\x07", "\x1bP" + strings.Repeat("q", 1<<20) + "\x1b\\",
		"\x1b]8;;" + strings.Repeat("u", 1<<16) + "\x07link", "\x1b[?2048h" + strings.Repeat("\x1b[6n", 1000),
	} {
		name := fmt.Sprintf("%.20q", hostile)
		t.Run(name, func(t *testing.T) {
			term := fresh(t, 80, 24)
			start := time.Now()
			for range 10 {
				term.feed([]byte(hostile))
			}
			term.resize(20, 5)
			term.resize(90, 30)
			term.feed([]byte("\x1b[mstill here"))
			sound(t, term.screen())
			if took := time.Since(start); took > patience/3 {
				t.Errorf("it took %v", took)
			}
			if !strings.Contains(text(term.screen().Lines), "still here") {
				t.Errorf("the screen is lost: %q", term.screen().Lines)
			}
		})
	}
}

func TestACursorRestoredOnASmallerScreenIsHarmless(t *testing.T) {
	for _, stop := range []string{"\x1bH", "\x1b[g", "漢", "\n", "\x1b[K", "\x1b[2X", "\x1b[L", "\x1b[P", "\x1bM", "\t", "\x1b[Z"} {
		term := fresh(t, 80, 24)
		term.feed([]byte("text\x1b[5;70H\x1b7\x1b[H"))
		term.resize(20, 3)
		term.feed([]byte("\x1b8" + stop))
		sound(t, term.screen())
		if got := text(term.tail(-1)); !strings.Contains(got, "text") {
			t.Errorf("%q costs the screen: %q", stop, got)
		}
	}
}

func TestModesThatNoTerminalHasAreNotRemembered(t *testing.T) {
	term := fresh(t, 80, 24)
	before := heap()
	for i := range 200_000 {
		term.feed(fmt.Appendf(nil, "\x1b[?%dh", 10_000+i))
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("%d bytes are kept", grown)
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestTheAlternateScreenKeepsNoScrollback(t *testing.T) {
	term := fresh(t, 200, 10)
	before := heap()
	term.feed([]byte("\x1b[?1049h"))
	for range 3000 {
		term.feed([]byte(strings.Repeat("x", 200) + "\r\n"))
	}
	for range 300 {
		term.feed([]byte(strings.Repeat("y", 1990) + "\x1b[2J\x1b[H"))
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("%d bytes are kept", grown)
	}
	runtime.KeepAlive(term)
}

func TestAPanicCostsTheScreenAndKeepsTheScrollback(t *testing.T) {
	term := fresh(t, 80, 3)
	term.feed([]byte("one\r\ntwo\r\nthree\r\nfour\r\n\x1b[?25l"))
	term.mu.Lock()
	term.guard(func(*vt.Emulator) { panic("as the emulator might") })
	term.mu.Unlock()
	term.feed([]byte("five"))
	if diff := cmp.Diff([]string{"one", "two", "five"}, term.tail(-1)); diff != "" {
		t.Error(diff)
	}
	if !term.screen().CursorShown {
		t.Error("the old emulator's modes are left")
	}
}

func TestAPanicAfterCloseLeavesNothingRunning(t *testing.T) {
	term := newTerminal(10, 3, func([]byte) {})
	term.close()
	term.mu.Lock()
	term.guard(func(*vt.Emulator) { panic("late") })
	term.mu.Unlock()
	term.pumps.Wait()
}

func TestSkippingCancelsWhatStandsOpen(t *testing.T) {
	for _, open := range []string{"\x1b[31", "\x1b]0;title", "\x1bPq", "\x1b_", "\x1b^", "\x1bX", "\x1b", "\x1b[1;31m", "\x1b(0", "\x0e"} {
		term := fresh(t, 80, 24)
		term.feed([]byte("before" + open))
		term.skip([]byte("\x1b[?25l\x1b[?2004h"))
		term.feed([]byte("after"))
		s := term.screen()
		if diff := cmp.Diff([]string{"before", "after"}, s.Lines[:2]); diff != "" {
			t.Errorf("after %q: %s", open, diff)
		}
		if !s.Skipped || s.CursorShown || !s.BracketedPaste {
			t.Errorf("after %q: %+v", open, s)
		}
		if !term.calm() || term.calm() || term.screen().Skipped {
			t.Error("it does not calm down")
		}
	}
}

// What is rendered and read back is what was there.
func TestRowsSayWhatTheCellsAre(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a, b := fresh(t, 40, 6), fresh(t, 40, 6)
		for range 60 {
			a.feed([]byte(pieces[r.IntN(len(pieces))]))
			if sgr := r.IntN(110); sgr != 38 && sgr != 48 && sgr != 58 { // alone they mean transparent, which is no colour
				a.feed(fmt.Appendf(nil, "\x1b[%dm", sgr))
			}
		}
		for y, line := range a.screen().Lines {
			b.feed(fmt.Appendf(nil, "\x1b[m\x1b[%dH%s", y+1, line))
		}
		for y := range 6 {
			for x := range 40 {
				at := func(t *terminal) (string, uv.Style) {
					text, style, _ := glyph(func(x int) *uv.Cell { return t.emulator.CellAt(x, y) }, x, 40)
					return text, style
				}
				wantText, wantStyle := at(a)
				gotText, gotStyle := at(b)
				if wantText != gotText || !wantStyle.Equal(&gotStyle) {
					t.Fatalf("%d,%d is %q %v, want %q %v; the line %q", x, y, gotText, gotStyle, wantText, wantStyle, a.screen().Lines[y])
				}
			}
		}
	}
}

var pieces = []string{
	"plain ", "漢字", "é", "😀", "\r\n", "\t", "\x1b[3D", "\x1b[2;7H", "\x1b[K", "\x1b[2@", "\x1b[3P", "\x1b[4X", "\x1b[L", "\x1b[M",
	"\x1b[4:3m", "\x1b[38;5;99m", "\x1b[48;2;9;8;7m", "\x1b[m", "\x1b[5b", "\x1b(0qqq\x1b(B",
}

func TestAMillionRandomBytesAreHarmless(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, seed))
			term := fresh(t, 80, 24)
			var worst time.Duration
			for n := 0; n < 1_000_000; {
				p := noise(r)
				n += len(p)
				start := time.Now()
				var d decoder
				term.feed(d.decode(p))
				if r.IntN(1000) == 0 {
					term.resize(1+r.IntN(120), 1+r.IntN(50))
				}
				sound(t, term.screen())
				worst = max(worst, time.Since(start))
			}
			t.Logf("the slowest 1 KiB took %v", worst)
			if worst > patience/6 {
				t.Error("that is a stall")
			}
		})
	}
}

// noise is up to 1 KiB of bytes, of sequences, or of both.
func noise(r *rand.Rand) []byte {
	p := make([]byte, 1+r.IntN(1<<10))
	finals := "@ABCDEFGHIJKLMPSTXZ`abcdefghlmnprsu"
	for i := 0; i < len(p); i++ {
		switch r.IntN(4) {
		case 0:
			p[i] = byte(r.Uint32())
		case 1:
			p[i] = byte(' ' + r.IntN(95))
		case 2:
			p[i] = "\x1b\x1b\x9b\r\n\t\b\x0e\x0f\x18\x84\x85\x8d"[r.IntN(13)]
		default:
			seq := fmt.Appendf(nil, "\x1b[%.*s%d;%d%c", r.IntN(2), "?", r.IntN(1<<(1+r.IntN(30))), r.IntN(1<<(1+r.IntN(30))), finals[r.IntN(len(finals))])
			i += copy(p[i:], seq)
		}
	}
	return p
}

func FuzzTerminal(f *testing.F) {
	for _, seed := range pieces {
		f.Add([]byte(seed), uint8(80), uint8(24))
	}
	f.Add([]byte("\x1b[1;999r\x1b[999B\n\x1b[M\x1b7\x1b8\x1bH\x1bc\x1b[?69h\x1b[3;999s\x1b[?6h"), uint8(10), uint8(3))
	f.Fuzz(func(t *testing.T, p []byte, width, height uint8) {
		w, h := clampSize(int(width), int(height))
		term := fresh(t, w, h)
		var d decoder
		half := len(p) / 2
		term.feed(d.decode(p[:half]))
		sound(t, term.screen())
		term.resize(h, w)
		sound(t, term.screen())
		term.skip(modes{}.sequences())
		term.feed(d.decode(p[half:]))
		sound(t, term.screen())
		term.tail(-1)
	})
}
