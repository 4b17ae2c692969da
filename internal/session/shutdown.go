package session

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Reason is who ends a session; it decides what happens to the child.
type Reason uint8

const (
	ByUser     Reason = iota // a person or a signal: the child is asked to end first, while it is still served
	ByTerminal               // the same by a key of the terminal that we are on, which tells a child in our group too
	ByLayer                  // a layer: the server goes, and the child is left to run to its end
	ByChild                  // the child has ended
)

func (r Reason) person() bool { return r == ByUser || r == ByTerminal }

// toldTime is how long a child that the terminal has told to end is left to it, before it is asked to: it may not have
// listened, or somebody told us alone.
const toldTime = 2 * time.Second

// Shutdown asks the session to end. It does not block. Asked for again by a person, it ends the grace at hand, not
// the order of things.
func (s *Session) Shutdown(r Reason, why string) {
	if s.stop.ask(r) {
		s.info("shutting down: %s", why)
	}
}

// stopper takes the wish to end, and the wish to end at once.
type stopper struct {
	mu       sync.Mutex
	asked    chan struct{} // closed by the first wish
	byUser   chan struct{} // closed by the first wish of a person
	reason   Reason        // of the first wish
	deadline time.Time     // of the grace at hand; zero where there is none
	cut      func()        // ends it
}

func (s *stopper) init() {
	s.asked, s.byUser, s.cut = make(chan struct{}), make(chan struct{}), func() {}
}

// ask notes a wish and reports whether it is the first.
func (s *stopper) ask(r Reason) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.person() {
		if closed(s.byUser) {
			s.cut()
		} else {
			close(s.byUser)
		}
	}
	if closed(s.asked) {
		return false
	}
	s.reason = r
	close(s.asked)
	return true
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// grace starts a time in which something may still end by itself. The caller calls end.
func (s *stopper) grace(d time.Duration) (ctx context.Context, end func()) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline, s.cut = time.Now().Add(d), cancel
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.deadline, s.cut = time.Time{}, func() {}
	}
}

// left is what is left of the grace at hand.
func (s *stopper) left(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deadline.IsZero() {
		return 0
	}
	return max(s.deadline.Sub(now), 0)
}

// run waits for the end and goes through the order of shutdown: the child, the server, what is left.
func (s *Session) run() {
	defer close(s.done)
	defer s.log.stop()
	reason := s.attend()
	s.startOnce.Do(func() { // a child that has not started yet never will
		if s.cfg.Run != "" && s.cfg.Terminal {
			close(s.childDone)
		}
	})
	s.enter(Stopping)
	if reason.person() {
		s.endChild(reason)
	}
	s.stopServer()
	if reason == ByLayer && !closed(s.childDone) {
		s.enter(Waiting)
		select {
		case <-s.childDone:
		case <-s.stop.byUser:
			s.enter(Stopping)
			s.endChild(ByUser)
		}
	}
	s.endRest()
}

// enter moves to a state that the gate's cannot tell.
func (s *Session) enter(st State) {
	s.phaseSince.Store(time.Now().UnixNano())
	s.phase.Store(uint32(st))
	s.tellState(st)
	s.poke()
}

// endChild asks the child to end and waits for it. The gate is open meanwhile, so that what the child flushes on its
// way out reaches the disk.
func (s *Session) endChild(r Reason) {
	s.gate.Resume()
	c := s.child.Load()
	if c == nil || closed(s.childDone) {
		return
	}
	grace, end := s.stop.grace(s.cfg.Grace)
	defer end()
	if r == ByTerminal && !c.Leads() {
		select {
		case <-s.childDone:
			return
		case <-time.After(toldTime):
		case <-grace.Done():
		}
	}
	c.End()
	select {
	case <-s.childDone:
	case <-grace.Done():
		s.fail("the child did not end within its grace")
	}
}

// stopServer ends the connections and the layers.
func (s *Session) stopServer() {
	s.server.StopAccepting()
	s.gate.Stop() // what is held is answered ESHUTDOWN
	close(s.stopping)
	grace, end := s.stop.grace(s.cfg.ServerGrace)
	defer end()
	served := s.server.Shutdown(grace)
	if s.failed = errors.Join(served, s.layers.close()); s.failed != nil {
		s.warn("%v", s.failed)
	}
}

// endRest ends a child that outlived its grace, and what this process holds.
func (s *Session) endRest() {
	if c := s.child.Load(); c != nil {
		if !closed(s.childDone) {
			c.Kill()
			<-s.childDone
		}
		c.Close()
	}
	for _, l := range s.listeners {
		l.Close()
	}
	s.enter(Ended)
	s.cancel()
	s.tasks.Wait()
	if s.cfg.Watched {
		s.publish() // the last Snapshot, for the summary
	}
}
