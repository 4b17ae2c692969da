package session

import (
	"sync"

	"example.com/nbdtui/internal/captive"
)

// Hold says when a session goes on though its child has ended, so that somebody can look, and run it again.
type Hold uint8

const (
	HoldNever Hold = iota
	HoldError      // where the child's exit code is not 0, or a signal ended it
	HoldAlways
)

func (h Hold) after(st captive.Status) bool {
	return h == HoldAlways || h == HoldError && st.ExitCode() != 0
}

// attend waits for the session's end and says whose doing it is. Meanwhile a held session's child is run again as often
// as somebody wants.
func (s *Session) attend() Reason {
	ended := s.childDone
	if s.cfg.Run == "" {
		ended = nil
	}
	for {
		select {
		case <-ended:
		case <-s.stop.asked:
			return s.stop.reason
		}
		if s.childErr != nil || !s.cfg.Hold.after(s.childInfo.Load().Status) {
			return ByChild
		}
		s.info("the session goes on without the command")
		select {
		case <-s.rerun:
			s.startAgain()
			ended = s.childDone
		case <-s.stop.asked:
			return s.stop.reason
		}
	}
}

// Rerun runs the command once more, on the same server. Where it runs still, or the session does not wait for that, it
// does nothing.
func (s *Session) Rerun() {
	select {
	case s.rerun <- struct{}{}:
	default:
	}
}

// startAgain starts the child once more. The gate is opened, and what was covered is counted anew.
func (s *Session) startAgain() {
	s.child.Load().Close()
	if s.coverage != nil {
		s.coverage.Reset()
		s.anew.Store(true)
	}
	s.gate.Resume()
	s.childDone = make(chan struct{})
	w, h := s.terminal.get()
	s.startChild(w, h)
	if c := s.child.Load(); c != nil {
		c.Resize(s.terminal.get()) // it may have changed meanwhile
	}
}

// cells is the size of the child's terminal.
type cells struct {
	mu   sync.Mutex
	w, h int
}

func (c *cells) set(w, h int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w, c.h = w, h
}

func (c *cells) get() (w, h int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.w, c.h
}
