package ui

import (
	"strings"
	"testing"
)

func TestBytesGoToWhoHasTheFocus(t *testing.T) {
	const paste, end = "\x1b[200~", "\x1b[201~"
	for name, c := range map[string]struct {
		reads     []string
		dashboard string
		child     string
		moves     int
		alone     bool // there is no child
	}{
		"the dashboard first":       {reads: []string{"pr"}, dashboard: "pr"},
		"the child behind ^A":       {reads: []string{"p\x01ls\r"}, dashboard: "p", child: "ls\r", moves: 1},
		"and back":                  {reads: []string{"\x01l", "s\x01q"}, dashboard: "q", child: "ls", moves: 2},
		"every byte":                {reads: []string{"\x01\x03\x1a\x1b[1;5A\x1bOPé中\xff\x7f\t"}, child: "\x03\x1a\x1b[1;5A\x1bOPé中\xff\x7f\t", moves: 1},
		"no child":                  {reads: []string{"\x01p"}, dashboard: "\x01p", alone: true},
		"^A in a paste is text":     {reads: []string{"\x01" + paste + "a\x01q" + end + "\x01?"}, child: paste + "a\x01q" + end, dashboard: "?", moves: 2},
		"brackets come in pieces":   {reads: []string{"\x01\x1b[2", "00~\x01", "\x1b[201", "~\x01d"}, child: paste + "\x01" + end, dashboard: "d", moves: 2},
		"a paste for the dashboard": {reads: []string{paste + "\x01q" + end}, dashboard: paste + "\x01q" + end},
	} {
		t.Run(name, func(t *testing.T) {
			var child, dashboard strings.Builder
			moves := 0
			k := &keyboard{child: func(p []byte) { child.Write(p) }, moved: func(bool) { moves++ }}
			k.allow(!c.alone, !c.alone)
			for _, r := range c.reads {
				p := []byte(r)
				dashboard.Write(p[:k.sort(p, false)])
			}
			if child.String() != c.child || dashboard.String() != c.dashboard || moves != c.moves {
				t.Errorf("the child got %q, the dashboard %q, the focus moved %d times", &child, &dashboard, moves)
			}
		})
	}
}

func TestAChildThatEndedLosesTheFocus(t *testing.T) {
	var child strings.Builder
	k := &keyboard{child: func(p []byte) { child.Write(p) }, moved: func(bool) {}}
	k.allow(true, true)
	k.sort([]byte("\x01a"), false)
	k.allow(false, false)
	if p := []byte("b\x01"); string(p[:k.sort(p, false)]) != "b\x01" || child.String() != "a" {
		t.Errorf("the child got %q", &child)
	}
}

// The ^C that ended a child is often not the last one: it must not reach the dashboard.
func TestAHeldChildKeepsTheFocus(t *testing.T) {
	var child strings.Builder
	k := &keyboard{child: func(p []byte) { child.Write(p) }, moved: func(bool) {}}
	k.allow(true, true)
	k.sort([]byte("\x01\x03"), false)
	k.allow(false, true)
	if p := []byte("\x03\x03\x01q\x01"); string(p[:k.sort(p, false)]) != "q\x01" || child.String() != "\x03\x03\x03" {
		t.Errorf("the child got %q", &child)
	}
}
