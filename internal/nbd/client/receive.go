package client

import (
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/nbdtui/internal/nbd/wire"
)

// receive takes the answers until the connection ends, and ends what is in flight then.
func (c *Client) receive() {
	defer close(c.received)
	err := c.replies()
	switch {
	case err == io.EOF:
		err = errors.New("the server closed the connection")
	case err == io.ErrUnexpectedEOF:
		err = errors.New("the server closed the connection in the middle of a reply")
	case !errors.Is(err, ErrBroken):
		err = fmt.Errorf("the connection broke: %w", cause(err))
	}
	c.fail(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	for cookie, r := range c.inFlight {
		r.err = c.err
		c.finish(cookie, r)
	}
}

func (c *Client) replies() error {
	for {
		b, err := c.in.next(4)
		if err != nil {
			return err
		}
		switch wire.DecodeReplyKind(b) {
		case wire.Simple:
			err = c.simple()
		case wire.Chunk:
			err = c.chunk(false)
		case wire.ExtendedChunk:
			err = c.chunk(true)
		default:
			return broken("a reply has the wrong magic number")
		}
		if err != nil {
			return err
		}
	}
}

// rest returns a reply's header, of whose n bytes 4 were looked at.
func (c *Client) rest(n int) ([]byte, error) {
	c.in.start -= 4
	return c.in.body(n)
}

// simple takes a simple reply ("Simple reply message").
func (c *Client) simple() error {
	b, err := c.rest(wire.SimpleReplySize)
	if err != nil {
		return err
	}
	e, cookie := wire.DecodeSimpleReply(b)
	r, err := c.find(cookie)
	switch {
	case err != nil:
		return err
	case c.info.Extended:
		return broken("a simple reply to a %s, after extended headers were agreed", r.op)
	case e != 0: // some servers refuse a read this way though structured replies were agreed
		r.err = errno(e)
	case r.cmd == wire.CmdBlockStatus || r.cmd == wire.CmdRead && c.info.Structured:
		return broken("a simple reply to a %s, after structured ones were agreed", r.op)
	case r.cmd == wire.CmdRead:
		if err := c.fill(r, 0, r.n); err != nil {
			return err
		}
	}
	c.answered(cookie, r)
	return nil
}

// find is the request that a reply is for.
func (c *Client) find(cookie uint64) (*request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.inFlight[cookie]
	if !ok {
		return nil, broken("a reply with cookie %#x, which no request in flight has", cookie)
	}
	return r, nil
}

// answered ends a request whose answer is whole.
func (c *Client) answered(cookie uint64, r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finish(cookie, r)
}

// finish gives r back to who waits for it. Under the mutex.
func (c *Client) finish(cookie uint64, r *request) {
	delete(c.inFlight, cookie)
	if !r.abandoned || r.held {
		r.held = false
		r.done <- struct{}{} // has room for it
	}
}

// hold keeps the caller of r from leaving while its memory is written to. false where it has left.
func (c *Client) hold(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.abandoned {
		return false
	}
	c.filling = r
	return true
}

// release ends hold.
func (c *Client) release(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filling = nil
	if r.held {
		r.held = false
		r.done <- struct{}{}
	}
}

// leaves reports whether the caller of r, which is held, wants to leave.
func (c *Client) leaves(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.held
}

// interrupted makes the receiver readable again, and reports whether it has anything to read.
func (c *Client) interrupted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn.SetReadDeadline(time.Time{})
	return c.err == nil
}

// fill takes n bytes of data for r, from start of what it reads.
func (c *Client) fill(r *request, start, n uint64) error {
	if !c.hold(r) {
		return c.in.skip(n)
	}
	b, left := r.into[start:start+n], false
	for len(b) > 0 && !left {
		got, err := c.in.some(b)
		if err != nil {
			c.release(r)
			return err
		}
		b = b[got:]
		left = got == 0 && c.leaves(r)
	}
	c.release(r)
	return c.in.skip(uint64(len(b)))
}

// zero is fill with n zeroes that were not sent.
func (c *Client) zero(r *request, start, n uint64) {
	if c.hold(r) {
		clear(r.into[start : start+n])
		c.release(r)
	}
}
