package ui

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// Whatever the session is and says, the screen has its lines, none is too wide, and none holds a control character
// that is not ours.
func TestEveryScreenFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := size{rapid.IntRange(1, 260).Draw(t, "w"), rapid.IntRange(1, 90).Draw(t, "h")}
		th := newTheme(rapid.Bool().Draw(t, "colour"), rapid.Bool().Draw(t, "ascii"))
		s, v := anySnapshot(t), anyView(t)
		lines := strings.Split(render(s, anyScreen(t), v, z, th), "\n")
		if len(lines) != z.h {
			t.Fatalf("%d lines, want %d", len(lines), z.h)
		}
		for i, row := range lines {
			if n := ansi.StringWidth(row); n > z.w {
				t.Errorf("line %d is %d cells wide, not %d: %q", i, n, z.w, row)
			}
			if i := strings.IndexFunc(strip(row), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }); i >= 0 {
				t.Errorf("a control character in %q", row)
			}
			if th.ascii() && !isPlain(strip(row)) {
				t.Errorf("not ASCII: %q", row)
			}
		}
	})
}

// strip takes away the sequences that render uses: SGR, and the column at the end of a child's row.
func strip(row string) string {
	var out strings.Builder
	for row != "" {
		before, rest, found := strings.Cut(row, "\x1b[")
		out.WriteString(before)
		if !found {
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r != ';' && r != ':' && (r < '0' || r > '9') })
		if end < 0 || rest[end] != 'm' && rest[end] != 'G' {
			return "\x1b"
		}
		row = rest[end+1:]
	}
	return out.String()
}

// text is what a client or an error may say: sequences, wide and broken characters among it.
var text = rapid.OneOf(
	rapid.StringN(0, 60, 200),
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	rapid.SampledFrom([]string{"", "disk.img", "\x1b[2J\x1b]0;owned\a", "a\nb\tc", "中文字", "e\u0301\u202e", strings.Repeat("long ", 60)}),
)

func anySnapshot(t *rapid.T) session.Snapshot {
	number := rapid.OneOf(rapid.Uint64Range(0, 2000), rapid.Uint64())
	when := rapid.Map(rapid.Int64Range(0, 1<<40), func(ms int64) time.Time { return noon.Add(-time.Duration(ms) * time.Microsecond) })
	span := rapid.Map(rapid.Int64Range(0, 1<<56), func(n int64) time.Duration { return time.Duration(n) })
	rate := rapid.Custom(func(t *rapid.T) session.Rate {
		return session.Rate{Bytes: rapid.Float64Range(0, 1e15).Draw(t, "bytes"), Requests: rapid.Float64Range(0, 1e9).Draw(t, "requests")}
	})
	counts := rapid.Custom(func(t *rapid.T) (c block.Counts) {
		for i := range c {
			c[i] = block.OpCount{Requests: number.Draw(t, "n"), Bytes: number.Draw(t, "bytes"), Errors: number.Draw(t, "errors")}
		}
		return c
	})
	s := session.Snapshot{
		Time: noon, Started: when.Draw(t, "started"), Since: when.Draw(t, "since"),
		State:  session.State(rapid.IntRange(0, int(session.Ended)).Draw(t, "state")),
		Source: text.Draw(t, "source"), Size: number.Draw(t, "size"), ReadOnly: rapid.Bool().Draw(t, "ro"), URI: text.Draw(t, "uri"),
		InFlight: rapid.IntRange(0, 5000).Draw(t, "inflight"), Held: rapid.IntRange(0, 5000).Draw(t, "held"),
		Oldest: span.Draw(t, "oldest"), Grace: span.Draw(t, "grace"),
		Totals: counts.Draw(t, "totals"), Read: rate.Draw(t, "read"), Write: rate.Draw(t, "write"),
		Pauses: rapid.IntRange(0, 3).Draw(t, "pauses"),
		History: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) session.Second {
			return session.Second{Read: number.Draw(t, "read"), Written: number.Draw(t, "written"), Paused: rapid.Bool().Draw(t, "paused")}
		}), 0, 60).Draw(t, "history"),
	}
	quantiles := rapid.Custom(func(t *rapid.T) (all block.PerCommand[block.Quantiles]) {
		for i := range all {
			all[i] = block.Quantiles{Requests: number.Draw(t, "n"), P50: span.Draw(t, "p50"), P90: span.Draw(t, "p90"),
				P99: span.Draw(t, "p99"), Max: span.Draw(t, "max")}
		}
		return all
	})
	s.Recent.Took, s.Whole.Took = quantiles.Draw(t, "recent"), quantiles.Draw(t, "whole")
	s.Progress = session.Progress{
		Covered: block.Covered{Size: number.Draw(t, "covered"), Read: number.Draw(t, "read"), Written: number.Draw(t, "written"),
			Holes: number.Draw(t, "holes")},
		Done: number.Draw(t, "done"), Rate: rapid.Float64Range(0, 1e15).Draw(t, "progress"),
		ETA: span.Draw(t, "eta"), Stalled: span.Draw(t, "stalled"),
	}
	s.Recent.Spread[block.Read] = rapid.SliceOfN(number, 0, 110).Draw(t, "spread")
	s.Recent.Habits.Writes.Sizes[rapid.IntRange(0, block.SizeClasses-1).Draw(t, "class")] = number.Draw(t, "size")
	s.Depth, s.Deepest = rapid.Float64Range(0, 1e9).Draw(t, "depth"), rapid.Float64Range(0, 1e9).Draw(t, "deepest")
	for range rapid.IntRange(0, 20).Draw(t, "knobs") {
		s.Knobs = append(s.Knobs, session.Knob{Layer: "delay.12", Name: "delay-extents", Value: text.Draw(t, "value"), Unit: "bit/s"})
	}
	pending := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) block.Pending {
		return block.Pending{Cmd: block.Cmd(rapid.IntRange(0, block.Commands-1).Draw(t, "cmd")), Offset: number.Draw(t, "offset"),
			Length: number.Draw(t, "length"), Held: rapid.Bool().Draw(t, "held"), Age: span.Draw(t, "age")}
	}), 0, 17)
	for i := range rapid.IntRange(0, 20).Draw(t, "clients") {
		s.Clients = append(s.Clients, session.Client{
			ID: uint64(i*i + 1), Peer: text.Draw(t, "peer"), State: session.ClientState(rapid.IntRange(0, 2).Draw(t, "state")),
			Export: text.Draw(t, "export"), Options: rapid.SliceOfN(text, 0, 3).Draw(t, "options"), Connected: when.Draw(t, "connected"),
			User: strconv.Itoa(rapid.IntRange(0, 1<<31).Draw(t, "user")), At: number.Draw(t, "at"), Queued: rapid.IntRange(0, 99).Draw(t, "queued"), Pending: pending.Draw(t, "pending"),
			InFlight: rapid.IntRange(0, 99999).Draw(t, "inflight"), Counts: counts.Draw(t, "counts"), Read: rate.Draw(t, "read"),
		})
	}
	if rapid.Bool().Draw(t, "child") {
		s.Child = &session.Child{Command: text.Draw(t, "command"), Pid: rapid.IntRange(0, 1<<22).Draw(t, "pid")}
		if rapid.Bool().Draw(t, "ended") {
			s.Child.Ended, s.Child.Status = noon, captive.Status{Code: rapid.IntRange(0, 255).Draw(t, "code")}
		}
	}
	for i := range rapid.IntRange(0, 30).Draw(t, "events") {
		s.Events = append(s.Events, session.Event{
			Seq: uint64(i + 1), Time: noon, Level: session.Level(rapid.IntRange(0, 2).Draw(t, "level")), Text: text.Draw(t, "event"),
		})
	}
	return s
}

func anyView(t *rapid.T) view {
	number := rapid.OneOf(rapid.Uint64Range(0, 2000), rapid.Uint64())
	return view{
		typing: rapid.Bool().Draw(t, "typing"), selected: rapid.Uint64Range(0, 500).Draw(t, "selected"),
		ask: ask(rapid.IntRange(0, int(askForce)).Draw(t, "ask")), asked: rapid.Uint64Range(0, 500).Draw(t, "asked"),
		help: rapid.IntRange(0, 3).Draw(t, "help"), panel: panel(rapid.IntRange(0, panels).Draw(t, "panel")), zoom: rapid.Bool().Draw(t, "zoom"),
		event:  rapid.Uint64Range(0, 40).Draw(t, "event"),
		filter: filter{text.Draw(t, "filter"), rapid.Bool().Draw(t, "filtering")},
		knobs: knobs{rapid.Bool().Draw(t, "tune"), rapid.IntRange(0, 30).Draw(t, "knob"), rapid.Bool().Draw(t, "editing"),
			text.Draw(t, "value"), text.Draw(t, "refused")},
		chart: chart{
			from: number.Draw(t, "from"), length: number.Draw(t, "length"), cursor: number.Draw(t, "cursor"),
			cells: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) block.Stretch {
				return block.Stretch{Bytes: number.Draw(t, "bytes"), Read: number.Draw(t, "read"), Written: number.Draw(t, "written"),
					Zeroed: number.Draw(t, "zeroed"), Holes: number.Draw(t, "holes"), Failed: number.Draw(t, "failed")}
			}), 0, 20).Draw(t, "cells"),
		},
	}
}

// anyScreen is of any size: the panel may have another one by now.
func anyScreen(t *rapid.T) captive.Screen {
	row := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{
		"x", "yz ", "é", "中", "\x1b[31m", "\x1b[1;38;2;1;2;3;7m", "\x1b[m", "\x1b[48;5;9m", "\x1b[4:3m", "→",
	}), 0, 60), func(parts []string) string { return strings.Join(parts, "") + "\x1b[m" })
	c := captive.Screen{Lines: rapid.SliceOfN(row, 0, 100).Draw(t, "rows"), CursorX: rapid.IntRange(0, 300).Draw(t, "x"),
		CursorY: rapid.IntRange(0, 100).Draw(t, "y"), CursorShown: true, Skipped: rapid.Bool().Draw(t, "skipped")}
	c.Height = len(c.Lines)
	return c
}

// In a long session ids have many digits, and none is cut.
func TestIDsAreWhole(t *testing.T) {
	s := with(func(s *session.Snapshot) { s.Clients[0].ID, s.Clients[1].ID = 1000, 1001 })
	for _, z := range []size{{80, 24}, {120, 40}, {200, 60}} {
		text := strip(render(s, captive.Screen{}, view{}, z, newTheme(true, false)))
		for _, want := range []string{" 1000 unix", " 1001 [::1]"} {
			if !strings.Contains(text, want) {
				t.Errorf("%v has no %q in\n%s", z, want, text)
			}
		}
		if z.w > 100 && !strings.Contains(text, " 1000 read ") {
			t.Errorf("%v has no request of client 1000 in\n%s", z, text)
		}
	}
}

// The chart has whole seconds alone; the peak beside the rate is not below it meanwhile.
func TestThePeakIsNotBelowTheRate(t *testing.T) {
	s := with(func(s *session.Snapshot) { s.Read.Bytes = 700 << 20 })
	text := strip(render(s, captive.Screen{}, view{}, size{120, 40}, newTheme(true, false)))
	if strings.Count(text, "700.0 MiB/s") != 2 || !strings.Contains(text, "peak 700.0 MiB/s") {
		t.Errorf("the rate is 700 MiB/s:\n%s", text)
	}
}

// While nothing moves the plan does not either: it knows the size alone.
func TestTheChildKeepsItsSize(t *testing.T) {
	for _, c := range []struct{ screen, child size }{
		{size{80, 24}, size{78, 9}},
		{size{120, 40}, size{80, 20}},
		{size{200, 60}, size{132, 24}},
		{size{40, 8}, size{40, 5}},
		{size{20, 3}, size{20, 5}},
		{size{10, 2}, size{80, 24}}, // it is not seen, and need not notice
	} {
		if w, h := childSize(c.screen, shape{child: true, sized: true}); (size{w, h}) != c.child {
			t.Errorf("on %v the child has %dx%d, want %v", c.screen, w, h, c.child)
		}
	}
}

// The P is the acknowledgement: no other state may show it.
func TestNoPBeforeTheDrain(t *testing.T) {
	for _, sc := range scenes() {
		for _, z := range goldenSizes {
			shown := strings.Contains(render(sc.s, captive.Screen{}, sc.v, z, sc.theme), "[P]")
			if shown && sc.s.State != session.Paused && sc.v.help == 0 {
				t.Errorf("%s at %v shows a P", sc.name, z)
			}
		}
	}
}

// What a pause shows stands still, second after second, but for its clock.
func TestPausedNumbersStandStill(t *testing.T) {
	early, late := pausedFor(0), pausedFor(2*time.Second)
	late.Read, late.Clients[0].Read = session.Rate{}, session.Rate{}
	for i := range late.Clients {
		late.Clients[i].Pending = early.Clients[i].Pending // how long they are held is a clock, too
	}
	late.Time, late.Since = early.Time, early.Since
	late.History, late.Events = early.History, early.Events
	z := size{120, 40}
	a, b := render(early, captive.Screen{}, view{}, z, newTheme(true, false)), render(late, captive.Screen{}, view{}, z, newTheme(true, false))
	if a != b {
		t.Errorf("the rates of the last second are still shown:\n%s\n%s", a, b)
	}
}

func BenchmarkRender(b *testing.B) {
	for _, z := range []size{{80, 24}, {120, 40}, {200, 60}} {
		for _, theme := range []struct {
			name string
			theme
		}{{"colour", newTheme(true, false)}, {"none", newTheme(false, false)}} {
			b.Run(fmt.Sprintf("%dx%d/%s", z.w, z.h, theme.name), func(b *testing.B) {
				s, c := running51(), qemuScreen(z)
				for i := range c.Lines {
					c.Lines[i] = strings.Repeat("\x1b[32mok\x1b[m a line of output ", len(c.Lines[i])/30+2)
				}
				b.ReportAllocs()
				for b.Loop() {
					render(s, c, view{}, z, theme.theme)
				}
			})
		}
	}
}
