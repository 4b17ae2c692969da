package nbd

import (
	"io"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
)

const (
	// inputSize is how much is read at once: 2,300 requests, or sixteen with 4 KiB of data.
	inputSize = 64 << 10
	// inputMost is the same for a client that writes inputLong or more at once: four requests with 64 KiB of data.
	// There are at most inputsMost of these. A larger buffer was slower: it does not stay in the processor's cache. In a
	// smaller one more of the writes are cut by its end, and what there is of them is moved to the front.
	inputMost  = 256 << 10
	inputLong  = 16 << 10
	inputsMost = 128
	// inputAhead is how much is read behind a payload that has memory of its own. The next one then goes where it
	// belongs, not here.
	inputAhead = 4 << 10
	// inputMove is how much may be moved to the front of the buffer for nothing but to make room behind it.
	inputMove = 4 << 10
)

// input is what a client sends, read many requests at a time. An idle client costs no buffer: it is there only while
// something is in it. Only the connection's reader uses it.
type input struct {
	socket
	buffer  block.Payload
	memory  []byte // of buffer; nil while there is none
	unread  []byte // a piece of memory
	at      int    // where in memory that begins
	large   *largeInputs
	grows   bool   // the next buffer is to be a large one
	ahead   int    // how much the next read may bring
	want    int    // how much more is needed at least
	payload []byte // what is still to be filled of memory that is not the buffer's, by read
	receive func(fd uintptr) bool
	poll    busyPoll
	asked   attendance
	look    func(fd uintptr)
	there   [1]unix.PollFd // what look found
	err     error          // of receive
	await   func() error   // waits until there is something to read, without memory to read it to; nil for no matter
}

// largeInputs counts the large buffers that there are.
type largeInputs struct{ n atomic.Int64 }

func (l *largeInputs) take() bool {
	if l.n.Add(1) <= inputsMost {
		return true
	}
	l.n.Add(-1)
	return false
}

func newInput(s socket, l *largeInputs) input { return input{socket: s, large: l, ahead: inputMost} }

// grow has half of inputMost fit in from now on. It reports false where there are too many large buffers already.
func (in *input) grow() bool {
	in.grows = true
	return len(in.memory) == inputMost || in.enlarge()
}

// enlarge takes a large buffer, if it may have one.
func (in *input) enlarge() bool {
	if !in.large.take() {
		return false
	}
	old, unread := in.buffer, in.unread
	in.buffer = block.GetPayload(inputMost)
	in.memory = in.buffer.Bytes(inputMost)
	in.front(unread)
	old.Put()
	return true
}

// fill reads until n bytes are unread, at most half of inputSize, or of inputMost after grow. What next returned
// before is gone then.
func (in *input) fill(n int) error {
	for len(in.unread) < n {
		in.want = n - len(in.unread)
		if err := in.more(); err != nil {
			return err
		}
	}
	return nil
}

// next takes n bytes that fill has brought.
func (in *input) next(n int) []byte {
	b := in.unread[:n]
	in.skip(n)
	return b
}

func (in *input) skip(n int) {
	in.unread = in.unread[n:]
	in.at += n
}

// read fills b.
func (in *input) read(b []byte) error {
	n := copy(b, in.unread)
	in.skip(n)
	if b = b[n:]; len(b) == 0 {
		return nil
	}
	if len(b) > inputAhead {
		in.ahead = inputAhead
	}
	if in.raw == nil {
		_, err := io.ReadFull(in.Conn, b)
		return err
	}
	for in.payload = b; len(in.payload) > 0; {
		if err := in.take(); err != nil {
			in.payload = nil
			return err
		}
	}
	return nil
}

// discard reads n bytes and forgets them.
func (in *input) discard(n uint64) error {
	for {
		had := min(n, uint64(len(in.unread)))
		in.skip(int(had))
		if n -= had; n == 0 {
			return nil
		}
		in.want = 1
		if err := in.more(); err != nil {
			return err
		}
	}
}

// more reads what there is, at least one byte.
func (in *input) more() error {
	defer func() { in.ahead = inputMost }()
	if in.raw == nil {
		if in.await != nil {
			in.release()
			if err := in.await(); err != nil {
				return err
			}
		}
		n, err := in.Conn.Read(in.space())
		in.unread = in.unread[:len(in.unread)+n]
		if n > 0 {
			return nil // an error will come again
		}
		return err
	}
	return in.take()
}

// take waits for the socket, and takes what there is.
func (in *input) take() error {
	if in.receive == nil {
		in.receive = in.tryReceive // once: a method value takes memory
	}
	if err := in.raw.Read(in.receive); err != nil {
		return err
	}
	return in.err
}

// tryReceive reads without blocking; where there is nothing to read it gives the buffer back and is called again
// when there is.
func (in *input) tryReceive(fd uintptr) (done bool) {
	space := in.payload
	if len(space) == 0 {
		space = in.space()
	}
	for {
		n, err := in.poll.receive(int(fd), space, in.flags)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			in.release()
			return false
		case err == nil && n == 0:
			err = io.EOF
		case err == nil && len(in.payload) > 0:
			in.payload = in.payload[n:]
		case err == nil:
			in.unread = in.unread[:len(in.unread)+n]
		}
		in.err = err
		return true
	}
}

// waits reports whether something has come that was not read yet. There must be a raw.
func (in *input) waits() bool {
	if in.look == nil {
		in.look = func(fd uintptr) { // once: it takes memory
			in.there[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
			unix.Poll(in.there[:], 0)
		}
	}
	in.raw.Control(in.look)
	return in.there[0].Revents != 0
}

// space is where the next bytes go, behind those that are unread.
func (in *input) space() []byte {
	if in.memory == nil && !(in.grows && in.enlarge()) {
		in.buffer = block.GetPayload(inputSize)
		in.memory = in.buffer.Bytes(inputSize)
	}
	if end := in.at + len(in.unread); len(in.unread) <= inputMove || end+in.want > len(in.memory) {
		in.front(in.unread)
	}
	end := in.at + len(in.unread)
	return in.memory[end:min(end+in.ahead, len(in.memory))]
}

// front puts unread at the front of the buffer.
func (in *input) front(unread []byte) {
	in.unread, in.at = in.memory[:copy(in.memory, unread)], 0
}

// drop forgets what is unread.
func (in *input) drop() {
	in.unread = in.unread[:0]
	in.release()
}

// release gives the buffer back if nothing is in it.
func (in *input) release() {
	if in.memory != nil && len(in.unread) == 0 {
		if in.buffer.Put(); len(in.memory) == inputMost {
			in.large.n.Add(-1)
		}
		in.buffer, in.memory, in.unread, in.at = block.Payload{}, nil, nil, 0
	}
}
