package nbd

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.com/nbdtui/internal/block"
)

// Client is a connection at one moment, as plain data.
type Client struct {
	ID        uint64 // counts from 1, never used again
	Peer      block.Peer
	State     State
	TLS       string   // its version; empty without TLS
	Export    string   // the name it asked for
	Options   []string // what it negotiated
	Connected time.Time
	InFlight  int // requests past the gate
	Held      int // requests waiting at the gate
	Queued    int // requests waiting for a worker
	Counts    block.Counts
	Pending   []block.Pending // requests that a worker has in hand, oldest first
	At        uint64          // where its last read or write ended
}

// State is where a connection is.
type State uint8

const (
	Handshake State = iota // haggling options
	Active                 // transmission
	Leaving                // told to go, or has said so: what is in flight is being finished
)

// Clients are a server's connections at one moment, and what those that have left did.
type Clients struct {
	Present []Client // by id
	Gone    block.Counts
	Seen    int // clients that ever reached transmission
}

// Clients looks at all clients at once, so that none is missed or counted twice.
func (s *Server) Clients() Clients {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := Clients{Present: make([]Client, 0, len(s.conns)), Gone: s.gone, Seen: s.seen}
	for _, c := range s.conns {
		n.Present = append(n.Present, c.snapshot())
	}
	slices.SortFunc(n.Present, func(a, b Client) int { return cmp.Compare(a.ID, b.ID) })
	return n
}

// Work is that of all clients, of those that have left too.
func (s *Server) Work() block.Work {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.work
	for _, c := range s.conns {
		c.counters.Work(&sum)
	}
	return sum
}

// snapshot is the client at this moment.
func (c *conn) snapshot() Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := Client{ID: c.id, Peer: c.peer, State: c.state, TLS: c.tls, Connected: c.connected, Pending: c.counters.Pending()}
	if c.state == Handshake {
		return n
	}
	n.Export, n.Options, n.Counts = c.export.name, c.options, c.counters.Counts()
	n.At = c.counters.At()
	n.InFlight = len(n.Pending)
	n.Queued = max(int(c.unfinished.Load())-len(n.Pending), 0)
	if l := c.export.lane; l != nil {
		n.InFlight, n.Held = l.InFlight(), l.Held()
	}
	return n
}

// Disconnect ends one client. Softly, what it has in flight is finished and answered, what it asks afterwards is
// answered ESHUTDOWN, and after a grace the connection is closed. By force no further reply is begun, what is held or
// sleeps is cancelled, and the connection is closed at once. It does not block.
func (s *Server) Disconnect(id uint64, force bool) error {
	s.mu.Lock()
	c := s.conns[id]
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("disconnect client %d: no such client", id)
	}
	c.disconnect(force)
	return nil
}
