package nbd

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"example.com/nbdtui/internal/block"
)

const (
	recordHeader = 5                    // of TLS: a type, a version, and the length of what follows
	recordMost   = recordHeader + 18432 // a record that is longer is none ("TLSCiphertext.length")
	corkSize     = 256 << 10
)

// records are the socket below a connection's TLS. Ciphertext is read as much at a time as there is, and given to TLS
// record by record, so that it can be told whether the next read has to wait; and what TLS writes for one batch of
// replies leaves together.
type records struct {
	net.Conn
	in   input
	left int    // bytes of the record that TLS is reading
	idle func() // called before the reader may sleep

	mu     sync.Mutex // guards what follows
	cork   block.Payload
	corked []byte // of cork: what waits; nil while writes go out at once
}

// Read gives TLS a piece of one record.
func (r *records) Read(p []byte) (int, error) {
	for r.left == 0 && len(r.in.unread) < recordHeader || len(r.in.unread) == 0 {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	if r.left == 0 {
		r.left = recordHeader + r.length()
	}
	n := copy(p, r.in.unread[:min(r.left, len(r.in.unread))])
	r.in.next(n)
	r.left -= n
	return n, nil
}

// await waits until TLS can read without waiting. No memory is held for what may never come.
func (r *records) await() error {
	for !r.whole() {
		if err := r.more(); err != nil {
			return err
		}
	}
	return nil
}

// whole reports whether the rest of a record is there.
func (r *records) whole() bool {
	n := len(r.in.unread)
	if r.left > 0 {
		return n >= r.left
	}
	return n >= recordHeader && n >= min(recordHeader+r.length(), recordMost)
}

// length is what the header of the next record says.
func (r *records) length() int { return int(binary.BigEndian.Uint16(r.in.unread[3:])) }

func (r *records) more() error {
	r.idle()
	r.in.want = recordMost // so that the rest of a record always has room
	return r.in.more()
}

// Write sends what TLS made, or keeps it until uncork.
func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.corked == nil {
		return r.Conn.Write(p)
	}
	if len(r.corked)+len(p) > corkSize {
		if err := r.send(); err != nil {
			return 0, err
		}
	}
	r.corked = append(r.corked, p...)
	return len(p), nil
}

// hold makes writes wait for release.
func (r *records) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cork = block.GetPayload(corkSize)
	r.corked = r.cork.Bytes(corkSize)[:0]
}

// release sends what waits.
func (r *records) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.send()
	r.corked = nil
	r.cork.Put()
	return err
}

// send empties the cork. mu is held.
func (r *records) send() error {
	if len(r.corked) == 0 {
		return nil
	}
	if err := r.SetWriteDeadline(time.Now().Add(stallTime)); err != nil {
		return err
	}
	_, err := r.Conn.Write(r.corked)
	r.corked = r.corked[:0]
	return err
}
