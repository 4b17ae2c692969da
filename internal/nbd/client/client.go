// Package client is the NBD protocol's client: one connection to one export, with any number of requests in flight. It
// trusts no server: whatever comes is checked before memory is taken for it, and a server that breaks the protocol
// loses the connection. Its neighbours are wire, the bytes, and whoever reads or writes a remote disk.
package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"example.com/nbdtui/internal/nbd/wire"
	"example.com/nbdtui/internal/secure"
)

// Client is a connection in the transmission phase. All methods may be called concurrently, and each waits for its
// own answer: requests are pipelined by calling from several goroutines. Whoever made it calls Close.
type Client struct {
	conn    net.Conn    // the kernel's, for deadlines and to cut it off
	secured secure.Conn // what speaks TLS over it; nil without
	info    Info
	context uint32 // the id of base:allocation
	in      input  // the receiver's alone, after the handshake
	out     output

	requests sync.Pool // of *request

	mu       sync.Mutex
	inFlight map[uint64]*request // by cookie
	cookie   uint64              // of the newest request
	filling  *request            // whose memory the receiver is writing to
	err      error               // why the connection ended; stays
	gone     chan struct{}       // closed when err is set
	received chan struct{}       // closed when the receiver has ended
}

// Info is what the server said of the export. Sizes are bytes.
type Info struct {
	Size           uint64 // at most 2^63-1
	Flags          wire.TransmissionFlags
	MinBlock       uint32 // offsets and lengths are multiples of it; a power of two up to 65,536
	PreferredBlock uint32
	MaxPayload     uint32 // the longest ReadAt and WriteAt
	Structured     bool   // structured replies were agreed
	Extended       bool   // with extended headers: lengths have 64 bits
	Extents        bool   // base:allocation was agreed
}

// handshakeTime is how long a server may take until the transmission phase.
const handshakeTime = 30 * time.Second

// Dial connects to the export that uri names; see ParseURI. ctx bounds the connecting and the handshake alone.
func Dial(ctx context.Context, uri string) (*Client, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	return u.Dial(ctx)
}

// Dial connects to the export. ctx bounds the connecting and the handshake alone.
func (u URI) Dial(ctx context.Context) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	wrap, err := u.wrap()
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u, err)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, u.Network, u.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u, cause(err))
	}
	c, err := open(ctx, conn, u.Export, wrap)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u, err)
	}
	return c, nil
}

// cause is the bare reason of a net.OpError, which names the address again.
func cause(err error) error {
	if e := (*net.OpError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// sendBuffer is asked for on Unix sockets, whose default holds less than one large write. TCP sizes its own.
const sendBuffer = 4 << 20

// New does the handshake for an export on conn, which is the client's from here on: on an error it is closed. ctx
// bounds the handshake alone, which also has 30 s at most.
func New(ctx context.Context, conn net.Conn, export string) (*Client, error) {
	return open(ctx, conn, export, nil)
}

// open is New, over TLS where wrap is not nil.
func open(ctx context.Context, conn net.Conn, export string, wrap secure.Wrap) (*Client, error) {
	if u, ok := conn.(*net.UnixConn); ok {
		u.SetWriteBuffer(sendBuffer) // clipped by the system; without it all works, slower
	}
	c := &Client{
		conn:     conn,
		inFlight: map[uint64]*request{},
		gone:     make(chan struct{}),
		received: make(chan struct{}),
	}
	c.in = input{conn: conn, buf: make([]byte, inputSize)}
	c.out = output{conn: conn, turn: make(chan struct{}, 1)}
	if err := c.greet(ctx, export, wrap); err != nil {
		c.hangUp()
		return nil, err
	}
	c.in.interrupted = c.interrupted
	go c.receive() // until the connection ends; Close waits
	return c, nil
}

// Info is fixed for the connection's life.
func (c *Client) Info() Info { return c.info }

// Size is the export's, in bytes.
func (c *Client) Size() uint64 { return c.info.Size }

// Can reports whether the server set all of these transmission flags.
func (c *Client) Can(f wire.TransmissionFlags) bool { return c.info.Flags&f == f }

// ErrClosed is what a request meets after Close.
var ErrClosed = errors.New("the connection was closed")

// Close ends the connection and waits for its goroutine. Requests still in flight fail with ErrClosed. A healthy
// server is told (NBD_CMD_DISC); nothing is flushed. May be called more than once.
func (c *Client) Close() error {
	c.disconnect()
	c.fail(ErrClosed)
	<-c.received
	c.out.stop()
	c.hangUp()
	return nil
}

// hangUp frees the connection, which nobody uses any more.
func (c *Client) hangUp() {
	c.conn.Close()
	if c.secured != nil {
		c.secured.Close()
	}
}

// disconnectTime is how long the farewell may wait for a server that does not read.
const disconnectTime = time.Second

// disconnect says farewell where nothing else is being sent.
func (c *Client) disconnect() {
	ctx, cancel := context.WithTimeout(context.Background(), disconnectTime)
	defer cancel()
	if c.out.begin(ctx, c.gone) != nil {
		return
	}
	defer c.out.end()
	c.mu.Lock()
	over := c.err != nil
	c.cookie++
	cookie := c.cookie
	c.mu.Unlock()
	if !over {
		c.out.write(wire.Request{Type: wire.CmdDisc, Cookie: cookie}, nil) // there is no answer, and no cure
	}
}

// fail ends the connection for the first reason given.
func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.conn.Close()
		close(c.gone)
	}
}
