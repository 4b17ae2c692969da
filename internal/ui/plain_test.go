package ui

import (
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

func TestTheStatusLineIsPlain(t *testing.T) {
	now := time.Now()
	s := session.Snapshot{Time: now, Since: now.Add(-12 * time.Second), State: session.Running}
	if got, want := StatusLine(s), "RUNNING, clients 0, in flight 0, held 0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.Totals[block.Read] = block.OpCount{Requests: 10, Bytes: 5 << 20, Errors: 1}
	s.Read.Bytes = 1 << 20
	s.Progress = session.Progress{Covered: block.Covered{Size: 10 << 20}, Done: 5<<20 - 1, ETA: 42 * time.Second}
	if got, want := StatusLine(s), "RUNNING, read 1.0 MiB/s, 5.0 MiB in all, covered 49.9%, ETA 00:42, "+
		"clients 0, in flight 0, held 0, errors 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.State = session.Paused
	if got, want := StatusLine(s)[:16], "[P] PAUSED 00:12"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheETASaysWhatItKnows(t *testing.T) {
	for want, p := range map[string]session.Progress{
		"":              {},
		"ETA --":        {Done: 1},
		"ETA 01:05":     {Done: 1, ETA: 65 * time.Second},
		"stalled 00:12": {Done: 1, Stalled: 12 * time.Second},
	} {
		p.Size = 100
		if got := etaText(&session.Snapshot{State: session.Running, Progress: p}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	done := session.Progress{Covered: block.Covered{Size: 100}, Done: 100}
	if got := etaText(&session.Snapshot{Progress: done}); got != "" {
		t.Errorf("when all is covered: %q", got)
	}
	if got := etaText(&session.Snapshot{State: session.Paused, Progress: session.Progress{Covered: block.Covered{Size: 100}, Done: 1}}); got != "ETA held" {
		t.Errorf("paused: %q", got)
	}
}
