package client

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"example.com/nbdtui/internal/nbd/wire"
)

// output is the sending side: one request at a time, by whoever has the turn.
type output struct {
	conn    net.Conn
	turn    chan struct{} // holds one token while somebody sends
	long    bool          // extended headers
	header  [wire.ExtendedRequestSize]byte
	record  []byte // under TLS: a request and the beginning of its data, as one record; nil without
	vector  [2][]byte
	buffers net.Buffers // a piece of vector; a field, so that it takes no memory per request

	mu      sync.Mutex
	watched <-chan struct{} // Done of the context that interrupts the sender
	unwatch func() bool
	late    bool // the deadline for writes has passed
}

// begin waits for the turn. A ctx that ends while its request is sent interrupts the sending.
func (o *output) begin(ctx context.Context, gone <-chan struct{}) error {
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-gone:
		return ErrClosed
	}
	o.watch(ctx)
	if err := ctx.Err(); err != nil {
		o.end()
		return err
	}
	return nil
}

func (o *output) end() { <-o.turn }

// watch has ctx interrupt what is sent from now on. Most requests come with the context of the one before, so this
// mostly costs nothing.
func (o *output) watch(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.late {
		o.conn.SetWriteDeadline(time.Time{})
		o.late = false
	}
	done := ctx.Done()
	if done == o.watched {
		return
	}
	if o.unwatch != nil {
		o.unwatch()
		o.unwatch = nil
	}
	if o.watched = done; done == nil {
		return
	}
	o.unwatch = context.AfterFunc(ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.watched == done {
			o.conn.SetWriteDeadline(past)
			o.late = true
		}
	})
}

// past is a deadline that interrupts.
var past = time.Unix(1, 0)

// stop forgets the watched context.
func (o *output) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unwatch != nil {
		o.unwatch()
	}
	o.watched, o.unwatch = nil, nil
}

// errUnsent is a request that was interrupted before any of it was sent: the stream is in step.
var errUnsent = errors.New("interrupted before it was sent")

// write sends a request, and the data of a write. Only between begin and end.
func (o *output) write(r wire.Request, data []byte) error {
	head := o.header[:0]
	if o.long {
		if r.Type == wire.CmdWrite {
			r.Flags |= wire.FlagPayloadLen
		}
		head = wire.AppendExtendedRequest(head, r)
	} else {
		head = wire.AppendRequest(head, r)
	}
	if o.record != nil {
		return o.writeRecords(head, data)
	}
	o.vector[0] = head
	o.buffers = o.vector[:1]
	if len(data) > 0 {
		o.vector[1] = data
		o.buffers = o.vector[:2]
	}
	n, err := o.buffers.WriteTo(o.conn)
	o.vector[1] = nil
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return errUnsent
	}
	return err
}

// writeRecords sends header and data over TLS. One that was interrupted cannot go on.
func (o *output) writeRecords(head, data []byte) error {
	n := copy(o.record[copy(o.record, head):], data)
	if _, err := o.conn.Write(o.record[:len(head)+n]); err != nil || n == len(data) {
		return err
	}
	_, err := o.conn.Write(data[n:])
	return err
}
