package client

import (
	"context"
	"errors"
	"math"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// request is one that is in flight. The receiver alone touches it, until done.
type request struct {
	op      string
	cmd     wire.CommandType
	off, n  uint64
	into    []byte         // of a read
	covered ranges         // of into
	extents []block.Extent // of a block status
	total   uint64         // bytes that the extents cover
	status  bool           // the chunk with the extents has come
	err     error          // what the server answered
	text    string
	done    chan struct{} // takes one token: the answer is whole, or the memory of an abandoned one is free

	// Under the client's mutex.
	abandoned bool // nobody waits any more
	held      bool // but its caller waits for its memory
}

// get returns a request of this connection, which is given back with put.
func (c *Client) get(op string, cmd wire.CommandType, off, n uint64) *request {
	r, ok := c.requests.Get().(*request)
	if !ok {
		r = &request{done: make(chan struct{}, 1)}
	}
	r.op, r.cmd, r.off, r.n = op, cmd, off, n
	return r
}

// put gives a request back whose token was taken. An abandoned one is the collector's.
func (c *Client) put(r *request) {
	if r.abandoned {
		return
	}
	*r = request{done: r.done, covered: r.covered[:0], extents: r.extents[:0]}
	c.requests.Put(r)
}

// ReadAt fills b from off. len(b) is at most Info().MaxPayload. On an error b may hold anything.
func (c *Client) ReadAt(ctx context.Context, b []byte, off uint64) error {
	r := c.get("read", wire.CmdRead, off, uint64(len(b)))
	defer c.put(r)
	r.into = b
	return c.do(ctx, r, 0, nil)
}

// WriteAt writes b at off; f may hold block.FUA. len(b) is at most Info().MaxPayload, and b is not kept.
func (c *Client) WriteAt(ctx context.Context, b []byte, off uint64, f block.Flags) error {
	r := c.get("write", wire.CmdWrite, off, uint64(len(b)))
	defer c.put(r)
	return c.do(ctx, r, commandFlags(f), b)
}

// Zero makes n bytes read as zeroes; f may hold block.MayTrim, FUA and FastZero. Any n: a long one is several
// requests. syscall.ENOTSUP where the server does not offer it.
func (c *Client) Zero(ctx context.Context, off, n uint64, f block.Flags) error {
	flags := commandFlags(f)
	if f&block.MayTrim == 0 {
		flags |= wire.FlagNoHole
	}
	return c.steps(ctx, "zero", wire.CmdWriteZeroes, flags, off, n)
}

// Trim says that n bytes are not needed any more; f may hold block.FUA. Any n: a long one is several requests.
// syscall.ENOTSUP where the server does not offer it.
func (c *Client) Trim(ctx context.Context, off, n uint64, f block.Flags) error {
	return c.steps(ctx, "trim", wire.CmdTrim, commandFlags(f), off, n)
}

// Cache asks the server to read n bytes ahead. Any n: a long one is several requests. syscall.ENOTSUP where the server
// does not offer it.
func (c *Client) Cache(ctx context.Context, off, n uint64) error {
	return c.steps(ctx, "cache", wire.CmdCache, 0, off, n)
}

func (c *Client) steps(ctx context.Context, op string, cmd wire.CommandType, f wire.CommandFlags, off, n uint64) error {
	for {
		r := c.get(op, cmd, off, min(n, c.longest()))
		off, n = off+r.n, n-r.n
		err := c.do(ctx, r, f, nil)
		c.put(r)
		if err != nil || n == 0 {
			return err
		}
	}
}

// longest is the longest range of a request without data.
func (c *Client) longest() uint64 {
	if c.info.Extended {
		return math.MaxInt64
	}
	return wire.MaxExtent
}

// Flush puts on stable storage what was written before it was called: on this connection, and on the others to the
// export where the server offers wire.CanMultiConn. syscall.ENOTSUP where it does not offer to flush.
func (c *Client) Flush(ctx context.Context) error {
	r := c.get("flush", wire.CmdFlush, 0, 0)
	defer c.put(r)
	return c.do(ctx, r, 0, nil)
}

// Extents appends to list what stands from off on: at least one extent, and n bytes at most; ask again for the rest.
// f may hold block.ReqOne. Where the server does not tell, all is data.
func (c *Client) Extents(ctx context.Context, off, n uint64, f block.Flags, list []block.Extent) ([]block.Extent, error) {
	if !c.info.Extents {
		return append(list, block.Extent{Length: n}), nil
	}
	r := c.get("find holes in", wire.CmdBlockStatus, off, min(n, c.longest()))
	defer c.put(r)
	err := c.do(ctx, r, commandFlags(f), nil)
	if err == nil {
		list = append(list, r.extents...)
	}
	return list, err
}

func commandFlags(f block.Flags) (w wire.CommandFlags) {
	if f&block.FUA != 0 {
		w |= wire.FlagFUA
	}
	if f&block.FastZero != 0 {
		w |= wire.FlagFastZero
	}
	if f&block.ReqOne != 0 {
		w |= wire.FlagReqOne
	}
	return w
}

// check refuses what the server would have to, before it is sent.
func (c *Client) check(r *request) error {
	var offered wire.TransmissionFlags
	var change, payload bool
	switch r.cmd {
	case wire.CmdRead:
		payload = true
	case wire.CmdWrite:
		change, payload = true, true
	case wire.CmdTrim:
		change, offered = true, wire.SendTrim
	case wire.CmdWriteZeroes:
		change, offered = true, wire.SendWriteZeroes
	case wire.CmdFlush:
		offered = wire.SendFlush
	case wire.CmdCache:
		offered = wire.SendCache
	}
	switch size := c.info.Size; {
	case r.off > size || r.n > size-r.off:
		return syscall.EINVAL
	case payload && r.n > uint64(c.info.MaxPayload):
		return syscall.EOVERFLOW
	case change && c.Can(wire.ReadOnly):
		return syscall.EPERM
	case !c.Can(offered):
		return syscall.ENOTSUP
	}
	return nil
}

// do sends a request and waits for its answer, until ctx ends: then nobody touches the caller's memory any more. A
// request that has been sent cannot be taken back; one of which a part has been sent costs the connection.
func (c *Client) do(ctx context.Context, r *request, f wire.CommandFlags, data []byte) error {
	if err := c.check(r); err != nil {
		return r.failed(err)
	}
	if r.n == 0 && r.cmd != wire.CmdFlush {
		return nil // proto.md leaves it open what a server does
	}
	if err := c.submit(ctx, r, f, data); err != nil {
		return r.failed(err)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if c.abandon(r) {
			return r.failed(ctx.Err())
		}
	}
	if r.err != nil {
		return r.failed(r.err)
	}
	return nil
}

func (r *request) failed(err error) error {
	e := &Error{Op: r.op, Offset: r.off, Length: r.n, Err: err}
	if !r.abandoned { // else the receiver may be at it
		e.Text = r.text
	}
	return e
}

// submit sends r. On an error nobody else has r.
func (c *Client) submit(ctx context.Context, r *request, f wire.CommandFlags, data []byte) error {
	if err := c.out.begin(ctx, c.gone); err != nil {
		return c.reason(err)
	}
	defer c.out.end()
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return c.err
	}
	c.cookie++
	cookie := c.cookie
	c.inFlight[cookie] = r
	c.mu.Unlock()

	err := c.out.write(wire.Request{Flags: f, Type: r.cmd, Cookie: cookie, Offset: r.off, Length: r.n}, data)
	if err == errUnsent && c.forget(cookie) {
		return ctx.Err()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("a request was cancelled of which a part had been sent")
		}
		c.fail(err)
		<-r.done // the receiver ends, and answers what is in flight
		return r.err
	}
	return nil
}

// forget takes back a request of which nothing was sent, unless the connection has ended.
func (c *Client) forget(cookie uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.inFlight[cookie]
	if c.err != nil {
		return false
	}
	delete(c.inFlight, cookie)
	return ok
}

// reason is why the connection ended, where it has.
func (c *Client) reason(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil && errors.Is(err, ErrClosed) {
		return c.err
	}
	return err
}

// abandon leaves r to the receiver, once that does not write to the caller's memory any more. false where its answer
// has come.
func (c *Client) abandon(r *request) bool {
	c.mu.Lock()
	select {
	case <-r.done:
		c.mu.Unlock()
		return false
	default:
	}
	r.abandoned = true
	if r.held = c.filling == r; r.held {
		c.conn.SetReadDeadline(past) // interrupts the receiver
	}
	held := r.held
	c.mu.Unlock()
	if held {
		<-r.done
	}
	return true
}
