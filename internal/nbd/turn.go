package nbd

import "example.com/nbdtui/internal/block"

// turn is what requests wait for where the layers take one at a time: in the session, or from one client. It is had by
// whoever has put something in. Only workers wait for it, with a request in hand: the handshake never does.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) give() { <-t }

// takeTurn waits until the connection may serve a request, and reports false where it ends before that. Every call
// that returns true is followed by a giveTurn.
func (c *conn) takeTurn() bool {
	s := c.server
	if s.cfg.Threads < block.SerializeAllRequests || c.client {
		return true
	}
	select {
	case s.turn <- struct{}{}:
		c.client = s.cfg.Threads == block.SerializeConnections
		return true
	case <-s.halt:
	case <-c.ctx.Done():
	}
	return false
}

func (c *conn) giveTurn() {
	if c.server.cfg.Threads == block.SerializeAllRequests {
		c.server.turn.give()
	}
}

// endTurn lets the next client in, where there is one at a time.
func (c *conn) endTurn() {
	if c.client {
		c.server.turn.give()
	}
}
