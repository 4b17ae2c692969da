package nbd

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vector is what sendmsg is told of a batch.
type vector [2 * batchReplies]unix.Iovec

// sender sends a batch by sendmsg and splice.
type sender struct {
	batch  *batch
	at     int // the piece that goes next
	try    func(fd uintptr) bool
	moved  bool // something went since the deadline was set
	timed  bool // a deadline is set
	failed error
}

// transmit sends the batch, all of it or with an error.
func (o *output) transmit(b *batch) error {
	if o.raw == nil {
		return o.copyOut(b)
	}
	if o.try == nil {
		o.try = o.trySend // once: a method value takes memory
	}
	o.batch, o.at, o.moved, o.failed = b, 0, true, nil
	err := o.raw.Write(o.try)
	o.batch = nil
	if err == nil {
		err = o.failed
	}
	if o.timed && err == nil {
		o.timed = false
		err = o.SetWriteDeadline(time.Time{})
	}
	return err
}

// trySend sends what the socket takes; it is called again when the socket takes more.
func (o *output) trySend(fd uintptr) (done bool) {
	for o.at < len(o.batch.pieces) {
		switch err := o.step(int(fd)); err {
		case nil:
			o.moved = true
		case unix.EINTR:
		case unix.EAGAIN:
			if o.moved {
				o.moved, o.timed = false, true
				o.failed = o.SetWriteDeadline(time.Now().Add(stallTime))
			}
			return o.failed != nil
		default:
			o.failed = err
			return true
		}
	}
	return true
}

// step makes one system call and goes on behind what went.
func (o *output) step(fd int) error {
	left := o.batch.pieces[o.at:]
	if p := left[0].pipe; p != nil {
		_, err := p.SpliceTo(fd, len(left) > 1)
		if p.Waiting() == 0 {
			o.at++
		}
		return err
	}
	v, n := &o.batch.vector, 0
	for n < len(v) && n < len(left) && left[n].pipe == nil {
		v[n].Base = unsafe.SliceData(left[n].data)
		v[n].SetLen(len(left[n].data))
		n++
	}
	flags := unix.MSG_NOSIGNAL | o.flags
	if n < len(left) {
		flags |= unix.MSG_MORE // TCP: the head of a reply travels with its data
	}
	msg := unix.Msghdr{Iov: &v[0]}
	msg.SetIovlen(n)
	sent, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), uintptr(flags))
	if errno != 0 {
		return errno
	}
	o.advance(int(sent))
	return nil
}

// advance goes on by n bytes of data.
func (o *output) advance(n int) {
	for n > 0 {
		p := &o.batch.pieces[o.at]
		if n < len(p.data) {
			p.data = p.data[n:]
			return
		}
		n -= len(p.data)
		o.at++
	}
}
