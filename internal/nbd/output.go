package nbd

import (
	"errors"
	"os"
	"sync"
	"time"

	"example.com/nbdtui/internal/block"
)

// output is what a client is sent. Replies that become ready while others are being sent are collected and go out
// together; whoever finds nobody sending sends, so there is one writer at a time.
type output struct {
	socket
	records *records // below the socket's TLS; nil without it
	account *account
	lost    func(error) // told once, when nothing can be sent any more; must not block

	mu      sync.Mutex
	taken   sync.Cond // queue was
	queue   *batch    // collected and not being sent; nil when there is nothing
	sending bool
	err     error // nothing is sent any more

	sender // for the system calls; only the one who is sending uses it
}

// errCut ends the output of a client that was disconnected by force.
var errCut = errors.New("disconnected by force")

// open returns the batch to which a reply may be added, and keeps it locked until commit; or nil where nothing can
// be sent any more. It waits while a full batch waits behind one that is being sent: a client that does not read its
// replies stops those who make them.
func (o *output) open() *batch {
	o.mu.Lock()
	for o.err == nil && o.queue != nil && o.queue.full() {
		if o.sending {
			o.taken.Wait()
		} else {
			o.send()
		}
	}
	if o.err != nil {
		o.mu.Unlock()
		return nil
	}
	if o.queue == nil {
		o.queue = batches.Get().(*batch)
	}
	return o.queue
}

// commit ends what open began. With now, or when it is full, the batch is sent: by the caller, or by who is sending
// already.
func (o *output) commit(now bool) {
	if (now || o.queue.full()) && !o.sending {
		o.send()
	}
	o.mu.Unlock()
}

// flush sends what was collected.
func (o *output) flush() {
	o.mu.Lock()
	if o.queue != nil {
		o.commit(true)
	} else {
		o.mu.Unlock()
	}
}

// send sends batches until there are no more. mu is held, but not during the system calls.
func (o *output) send() {
	o.sending = true
	for o.queue != nil && o.err == nil {
		b := o.queue
		o.queue = nil
		o.taken.Broadcast()
		o.mu.Unlock()
		err := o.transmit(b)
		b.free(o.account)
		o.mu.Lock()
		if err != nil && o.err == nil {
			o.err = err
		}
	}
	o.sending = false
	if o.err != nil {
		o.fail()
	}
}

// fail forgets what cannot be sent, and tells so. mu is held.
func (o *output) fail() {
	if o.queue != nil {
		o.queue.free(o.account)
		o.queue = nil
	}
	o.taken.Broadcast()
	o.lost(o.err)
}

// cut lets no further reply begin. The connection is lost at once, or when what is being sent has gone.
func (o *output) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.err = errCut
	if !o.sending {
		o.fail()
	}
}

// copyOut sends a batch by plain writes; under TLS, all its records by one.
func (o *output) copyOut(b *batch) error {
	if o.records == nil {
		return o.copyPieces(b)
	}
	o.records.hold()
	err := o.copyPieces(b)
	return errors.Join(err, o.records.release())
}

// copyPieces writes small pieces together: under TLS that is one record instead of many.
func (o *output) copyPieces(b *batch) error {
	const size = 64 << 10
	buffer := block.GetPayload(size)
	defer buffer.Put()
	out := buffer.Bytes(size)[:0]
	for _, p := range b.pieces {
		if len(out)+len(p.data) > size {
			if err := o.write(out); err != nil {
				return err
			}
			out = out[:0]
		}
		if len(p.data) < size {
			out = append(out, p.data...)
		} else if err := o.write(p.data); err != nil {
			return err
		}
	}
	return o.write(out)
}

// write writes p; a client that takes nothing for stallTime is given up.
func (o *output) write(p []byte) error {
	const step = 1 << 20
	for len(p) > 0 {
		n := min(len(p), step)
		if err := o.SetWriteDeadline(time.Now().Add(stallTime)); err != nil {
			return err
		}
		if _, err := o.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// stalled reports an error that is a client's not reading.
func stalled(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
