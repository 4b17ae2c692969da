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

// coverageText is how far the session is: "43.1%, ETA 00:42".
func coverageText(s *session.Snapshot) string {
	p := &s.Progress
	text := fmt.Sprintf("%.1f%%", percent(p.Done, p.Size))
	if eta := etaText(s); eta != "" {
		text += ", " + eta
	}
	return text
}

// percent is rounded down: nothing is 100 before all is there.
func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(uint64(float64(part)/float64(whole)*1000)) / 10
}

// etaText is when the rest will be covered, or why that cannot be told; empty when all is.
func etaText(s *session.Snapshot) string {
	p := &s.Progress
	switch {
	case p.Done == 0 || p.Done >= p.Size:
		return ""
	case s.State == session.Pausing || s.State == session.Paused:
		return "ETA held"
	case p.Stalled > 0:
		return "stalled " + clock(p.Stalled)
	case p.ETA > 0:
		return "ETA " + clock(p.ETA)
	}
	return "ETA --"
}
