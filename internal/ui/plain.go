package ui

import (
	"fmt"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// StatusLine is a session in one line of plain text, for logs: no colours, no glyphs beyond ASCII.
func StatusLine(s session.Snapshot) string {
	_, word, rest := badge(&s)
	words := []string{strings.Trim(word, "[]")}
	if s.State == session.Paused {
		words[0] = word // the P is the word
	}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if rest != "" {
		add("%s", rest)
	}
	for _, direction := range []struct {
		name string
		rate session.Rate
		cmd  block.Cmd
	}{{"read", s.Read, block.Read}, {"write", s.Write, block.Write}} {
		if done := s.Totals[direction.cmd].Bytes; done > 0 {
			add("%s %s/s, %s in all", direction.name, bytesText(direction.rate.Bytes), bytesText(float64(done)))
		}
	}
	if p := s.Progress; p.Done > 0 && p.Size > 0 {
		add("covered %s", coverageText(&s))
	}
	add("clients %d", len(s.Clients))
	add("in flight %d", s.InFlight)
	add("held %d", s.Held)
	if n := s.Totals.Errors(); n > 0 {
		add("errors %d", n)
	}
	return strings.Join(words, ", ")
}
