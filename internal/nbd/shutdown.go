package nbd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/nbdtui/internal/block"
)

// hardWait is how long a connection whose socket was closed under it may take to notice.
const hardWait = time.Second

// Shutdown ends the server: no more clients, no more requests; what was read and not begun is answered ESHUTDOWN,
// what is in flight is finished and answered until ctx ends. Then connections are cut, each export that could have
// been written to is flushed, once where that covers all its clients, and the doors are closed. The gate must have been
// stopped before. It returns what flushing and closing brought, and tells of requests that would not end.
func (s *Server) Shutdown(ctx context.Context) error {
	s.StopAccepting()
	for _, c := range s.stop() {
		c.stop()
	}
	var errs []error
	select {
	case <-s.drained:
	case <-ctx.Done():
		errs = append(errs, s.cut())
	}
	s.cancel()
	s.budget.wake()
	s.watch.close()
	s.mu.Lock()
	left := s.left
	s.left = nil
	s.mu.Unlock()
	flushed := map[string]bool{}
	for _, e := range left {
		if !flushed[e.name] && e.info.Flush && !e.info.ReadOnly {
			flushed[e.name] = e.info.MultiConn
			errs = append(errs, e.flush(context.WithoutCancel(ctx)))
		}
	}
	for _, e := range left {
		errs = append(errs, e.close(ctx))
	}
	return errors.Join(errs...)
}

// stop marks the server as stopping and returns the connections that are left.
func (s *Server) stop() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping {
		s.stopping = true
		close(s.halt)
		if len(s.conns) == 0 {
			close(s.drained)
		}
	}
	return slices.Collect(maps.Values(s.conns))
}

// cut ends connections that did not end by themselves: what sleeps is ended and answered, then sockets are closed. It
// returns an error if even that does not help.
func (s *Server) cut() error {
	s.cancel()
	s.budget.wake()
	if s.wait(cutTime) {
		return nil
	}
	for _, c := range s.stop() {
		s.cfg.Event(Warning, "%v was cut off with %d requests in flight", c, len(c.counters.Pending()))
		c.Close()
	}
	if s.wait(hardWait) {
		return nil
	}
	return fmt.Errorf("end the requests of %d clients: %w", len(s.stop()), context.DeadlineExceeded)
}

// wait reports whether the last connection ends within d.
func (s *Server) wait(d time.Duration) bool {
	select {
	case <-s.drained:
		return true
	case <-time.After(d):
		return false
	}
}

// flush puts what was written to the export on stable storage, at a time when the gate lets nothing else pass.
func (e *export) flush(ctx context.Context) error {
	if e.lane != nil {
		e.lane.Last()
	}
	a := block.GetAnswer(false)
	defer a.Put()
	if err := e.door.Serve(ctx, block.Request{Cmd: block.Flush}, a.Reply()); err != nil {
		return fmt.Errorf("flush export %q: %w", e.name, err)
	}
	return nil
}
