package main

import (
	"time"

	"example.com/nbdtui/internal/session"
	"example.com/nbdtui/internal/ui"
)

// plainPeriod is how often --ui=plain says how things stand.
const plainPeriod = 10 * time.Second

// report prints a line about the session now and then, until it has ended.
func (m *messages) report(s *session.Session) {
	tick := time.NewTicker(plainPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.stamp(time.Now(), ui.StatusLine(s.Snapshot()))
		case <-s.Done():
			m.stamp(time.Now(), ui.StatusLine(s.Snapshot()))
			return
		}
	}
}
