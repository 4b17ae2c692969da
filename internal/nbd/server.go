// Package nbd is the protocol server: it shakes hands with clients, reads their requests, has them served through a
// block.Door, and sends the replies. It knows the wire and the middle of the house, neither plugins nor screens.
package nbd

import (
	"context"
	"net"
	"sync"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/secure"
)

// Config is what a server is made of.
type Config struct {
	// Open opens the outermost door of an export for one client; the server closes it.
	Open func(ctx context.Context, o block.OpenRequest) (*block.Door, error)
	// List names the exports.
	List block.Listing
	// Default is the export that a client means by the empty name. Nil for the one called so.
	Default func(ctx context.Context, q block.ListRequest) (string, error)
	// Admit sees a client before the greeting; an error drops the connection. Nil admits everybody.
	Admit func(ctx context.Context, p block.Peer) error
	// Gate is the session's; each client gets a lane of it. Nil where there is none.
	Gate *block.Gate

	// TLS makes a client's connection one that speaks TLS. Nil where it is not offered.
	TLS        secure.Wrap
	RequireTLS bool // without it nothing is told or served

	ReadOnly         bool
	Threads          block.Threads // of the strictest layer
	Workers          int           // requests that may block, at once on a connection; 0 means 16
	Prompt           bool          // every layer understands block.NoWait, so requests are first tried without a worker
	Splice           bool          // large reads may travel in a block.Pipe
	MaxConnections   int           // above it connections are closed at once; 0 means 128
	MaxMemory        uint64        // bytes of requests in hand, of all connections; 0 means 256 MiB
	HandshakeTimeout time.Duration // from the connection to the end of option haggling; 0 means 10 s

	WithheldFlags       uint16 // handshake flags that are not offered, for clients that must be tried without
	Oldstyle            bool   // the handshake without options or TLS, for clients that know no other
	NoStructuredReplies bool   // NBD_OPT_STRUCTURED_REPLY is refused

	// Coverage is where it is noted what clients touch, in exports of its size; and beside it how long requests take.
	// Nil notes neither.
	Coverage *block.Coverage
	// Shutdown is what a layer that asks for the end of the session calls.
	Shutdown func()
	// Event takes what a user should be told, one line; it must not block. Nil tells nobody.
	Event func(l Level, format string, args ...any)
}

// Level is how much an event matters.
type Level uint8

const (
	Info    Level = iota // a client came or went
	Warning              // a client broke the protocol, was refused, or was cut off
	Failure              // a request failed that should not have: the disk's doing
)

// Server serves any number of listeners and connections. All methods may be called concurrently. Shutdown must be
// called in the end, whether or not anything was ever served.
type Server struct {
	cfg    Config
	ctx    context.Context // ends when the connections' grace does
	cancel context.CancelFunc
	budget budget
	large  largeInputs
	turn   turn          // of a session that is serialised
	halt   chan struct{} // closed when Shutdown is called
	watch  watch         // tells when a client is gone

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	stopped   chan struct{} // closed by StopAccepting
	conns     map[uint64]*conn
	lastID    uint64
	refusing  bool          // the last connection was one too many
	stopping  bool          // Shutdown was called
	drained   chan struct{} // closed when stopping and no connection is left
	left      []*export     // of connections that ended while stopping; Shutdown flushes and closes them
	gone      block.Counts  // of clients that have left
	work      block.Work    // theirs
	seen      int           // clients that ever reached transmission
}

// NewServer makes a server.
func NewServer(cfg Config) *Server {
	if cfg.Workers <= 0 {
		cfg.Workers = workers
	}
	if cfg.Threads >= block.SerializeRequests {
		cfg.Workers = 1
	}
	if cfg.Threads >= block.SerializeAllRequests {
		cfg.Prompt = false // whoever serves waits for its turn
	}
	if cfg.MaxConnections <= 0 {
		cfg.MaxConnections = maxConnections
	}
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = totalBudget
	}
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = handshakeTime
	}
	if cfg.Admit == nil {
		cfg.Admit = func(context.Context, block.Peer) error { return nil }
	}
	if cfg.Default == nil {
		cfg.Default = func(context.Context, block.ListRequest) (string, error) { return "", nil }
	}
	if cfg.Shutdown == nil {
		cfg.Shutdown = func() {}
	}
	if cfg.Event == nil {
		cfg.Event = func(Level, string, ...any) {}
	}
	s := &Server{
		cfg:       cfg,
		listeners: map[net.Listener]struct{}{},
		stopped:   make(chan struct{}),
		conns:     map[uint64]*conn{},
		drained:   make(chan struct{}),
		turn:      newTurn(),
		halt:      make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.budget.freed.L, s.budget.most = &s.budget.mu, cfg.MaxMemory
	s.budget.share = max(cfg.MaxMemory/uint64(cfg.MaxConnections), inputMost/2)
	return s
}

// add makes a connection one of the server's, or returns nil where there is no room for it.
func (s *Server) add(n net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil
	}
	if len(s.conns) >= s.cfg.MaxConnections {
		if !s.refusing {
			s.cfg.Event(Warning, "more than %d connections: no more are taken", s.cfg.MaxConnections)
		}
		s.refusing = true
		return nil
	}
	s.refusing = false
	s.lastID++
	c := newConn(s, n, s.lastID)
	s.conns[c.id] = c
	return c
}

// remove forgets a connection that has ended, and keeps what it did. It is the last thing that a connection does.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone.Add(c.counters.Counts())
	c.counters.Work(&s.work)
	delete(s.conns, c.id)
	if s.stopping && len(s.conns) == 0 {
		close(s.drained)
	}
}

// keep leaves an export to Shutdown, and reports whether that has begun.
func (s *Server) keep(e *export) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		s.left = append(s.left, e)
	}
	return s.stopping
}
