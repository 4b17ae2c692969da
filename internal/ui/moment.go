package ui

import (
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// moment is what tells one Snapshot and Screen from the next: while nobody does anything only its second changes, and
// the dashboard need not be drawn ten times in it.
type moment struct {
	second           time.Duration
	state            session.State
	since            time.Time
	inFlight, held   int
	oldest, grace    time.Duration
	totals           block.Counts
	read, write      session.Rate
	recent           block.PerCommand[block.Quantiles]
	progress         session.Progress
	clients, history int
	event            uint64
	child            *session.Child
	screen           uint64
}

func (b *board) moment() moment {
	s := &b.snapshot
	m := moment{
		second: s.Time.Sub(s.Started) / time.Second, state: s.State, since: s.Since,
		inFlight: s.InFlight, held: s.Held, oldest: s.Oldest, grace: s.Grace,
		totals: s.Totals, read: s.Read, write: s.Write, recent: s.Recent.Took, progress: s.Progress,
		clients: len(s.Clients), history: len(s.History), child: s.Child, screen: b.screen.Version,
	}
	if n := len(s.Events); n > 0 {
		m.event = s.Events[n-1].Seq
	}
	m.progress.Stalled = 0 // a clock of its own
	return m
}
