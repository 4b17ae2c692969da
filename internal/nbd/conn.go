package nbd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"example.com/nbdtui/internal/block"
)

// conn is one client's connection. One goroutine, its reader, shakes hands, reads the requests and serves those that
// need not wait; its workers serve the others.
type conn struct {
	socket
	server    *Server
	id        uint64
	peer      block.Peer
	connected time.Time
	until     time.Time       // the handshake's end: absolute, a byte now and then does not make it later
	ctx       context.Context // ends when the client is gone or cut off: what is held or sleeps then ends too
	cancel    context.CancelFunc
	in        input
	out       output
	account   account
	splice    bool // replies may come in pipes
	counters  *block.Counters

	agreed              // what was haggled out; the reader's
	secured    *secured // nil without TLS
	export     *export  // opened by the client; nil until then
	refusal    string   // why it last did not get one, as people were told
	jobs       chan job
	beside     chan job       // long writes; nil until the first one
	writer     sync.WaitGroup // who makes them
	slow       atomic.Bool    // the last of them had to wait
	workers    sync.WaitGroup
	started    atomic.Int64           // workers
	client     bool                   // the one that there is at a time, see takeTurn; the worker's until it has ended
	unfinished atomic.Int64           // jobs given to workers, or to who writes beside the reader, and not finished
	lamented   atomic.Int64           // block.Clock when a failed request was last told of
	untold     atomic.Uint64          // failed requests since that were not
	clock      int64                  // block.Clock when the reader woke up
	alone      int                    // requests in a row that came when nothing else was in hand, up to aloneEnough
	prompt     [block.Commands]uint64 // requests that it has served since
	demand     atomic.Uint32

	mu       sync.Mutex // guards what follows, and export for those who only look
	state    State
	tls      string // its version; empty without TLS
	options  []string
	deadline bool        // read deadlines may still be set
	timer    *time.Timer // of a disconnect
}

// demand says what becomes of requests that are read from now on.
const (
	demandServe  = iota
	demandRefuse // softly disconnected: they are answered ESHUTDOWN
	demandStop   // shut down: those that were read and not begun are answered ESHUTDOWN too, and no more are read
)

func newConn(s *Server, n net.Conn, id uint64) *conn {
	c := &conn{server: s, id: id, connected: time.Now(), deadline: true, counters: block.NewCounters(s.cfg.Workers + 2)}
	c.socket = newSocket(n)
	c.splice = s.cfg.Splice && c.raw != nil
	c.peer = c.socket.peer()
	ctx, cancel := context.WithCancel(s.ctx)
	c.ctx, c.cancel = ctx, func() {
		cancel()
		s.budget.wake()
	}
	c.account.budget = &s.budget
	c.account.over = func() bool { return c.ctx.Err() != nil || c.demand.Load() == demandStop }
	c.in = newInput(c.socket, &s.large)
	c.out.socket, c.out.account = c.socket, &c.account
	c.out.taken.L = &c.out.mu
	c.out.lost = c.lost
	c.until = c.connected.Add(s.cfg.HandshakeTimeout)
	c.SetDeadline(c.until)
	return c
}

// String names the client for people.
func (c *conn) String() string { return fmt.Sprintf("client %d (%v)", c.id, c.peer) }

// event tells the user something about the client, in one line: what a client sent may stand in it, and must not
// reach a terminal as it is.
func (c *conn) event(l Level, format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, fmt.Sprintf(format, args...))
	c.server.cfg.Event(l, "%v %s", c, text)
}

// serve is the life of a connection.
func (c *conn) serve() {
	defer c.server.remove(c)
	c.server.watch.add(c)
	var why error
	c.guard(func() {
		if why = c.handshake(); why == errTransmission {
			why = c.transmission()
		}
	})
	c.leave(why)
}

// leave ends the connection, whatever brought it there.
func (c *conn) leave(why error) {
	defer c.endTurn()
	c.server.watch.remove(c)
	c.hangUp()
	c.in.drop()
	if c.secured != nil {
		c.secured.records.in.drop()
		c.secured.Close() // the socket is closed already
	}
	c.mu.Lock()
	seen := c.state != Handshake
	c.deadline = false
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	if broken := violation(""); errors.As(why, &broken) {
		c.event(Warning, "broke the protocol: %v", broken)
	} else if seen {
		c.event(Info, "left%s", c.farewell(why))
	}
	if e := c.export; e != nil && !(seen && c.server.keep(e)) {
		if err := e.close(c.server.ctx); err != nil {
			c.event(Warning, "left, and its export did not close: %v", err)
		}
	}
	c.cancel()
}

// farewell says why a client left, where that is worth a word.
func (c *conn) farewell(why error) string {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	switch {
	case stalled(c.out.err):
		return ": it did not read its replies"
	case c.out.err == errCut:
		return ": " + errCut.Error()
	case c.demand.Load() == demandStop:
		return ": the server is shutting down"
	case c.demand.Load() == demandRefuse:
		return ": disconnected"
	case errors.Is(why, io.EOF), errors.Is(why, io.ErrUnexpectedEOF):
		return " without a word"
	case why != nil:
		return ": it is gone"
	}
	return ""
}

// guard makes a panic in f the end of this connection only.
func (c *conn) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.server.cfg.Event(Warning, "%v was cut off by a defect: %v\n%s", c, p, debug.Stack())
			c.out.lost(nil)
		}
	}()
	f()
}

// lost ends the connection when nothing can be sent any more. Where that was our wish the client finds the end behind
// a whole message: the reader hangs up.
func (c *conn) lost(err error) {
	c.cancel()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || c.raw == nil || err != errCut {
		c.Close()
		return
	}
	if !c.encrypted() { // else TLS has an end of its own to send
		half.CloseWrite()
	}
	c.stopReading()
}

func (c *conn) encrypted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tls != ""
}

// gone ends what is held or sleeps: the client will not read its reply.
func (c *conn) gone() { c.cancel() }

// allow makes the handshake longer by what the server itself needed.
func (c *conn) allow(d time.Duration) {
	c.until = c.until.Add(d)
	c.setReadDeadline(c.until)
	c.SetWriteDeadline(c.until)
}

// setReadDeadline sets a deadline unless the connection was told to stop reading.
func (c *conn) setReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deadline {
		c.SetReadDeadline(t)
	}
}

// stopReading wakes the reader up; it reads no more.
func (c *conn) stopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = false
	c.SetReadDeadline(time.Unix(1, 0))
}

// stop makes the connection end: at once if nothing is in flight.
func (c *conn) stop() {
	c.demand.Store(demandStop)
	c.server.budget.wake()
	c.stopReading()
}

// disconnect is the verb; it does not block.
func (c *conn) disconnect(force bool) {
	first := c.demand.CompareAndSwap(demandServe, demandRefuse)
	if force {
		c.out.cut()
		c.cancel()
		c.after(cutTime, func() { c.Close() })
		return
	}
	c.leaving()
	if !first {
		return // its time is running already
	}
	c.after(leaveTime, func() {
		c.stopReading()
		c.cancel()
	})
}

// after calls f in a while, unless the connection has ended by then.
func (c *conn) after(d time.Duration, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timer = time.AfterFunc(d, f)
}

// leaving marks the client as on its way out, if it ever came in.
func (c *conn) leaving() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Active {
		c.state = Leaving
	}
}
