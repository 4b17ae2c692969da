package nbd

import (
	"io"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
)

const (
	// inputSize is how much is read at once: 2,300 requests, or sixteen with 4 KiB of data.
	inputSize = 64 << 10
	// inputAhead is how much is read behind a large payload. The next one then goes where it belongs, not here.
	inputAhead = 4 << 10
)

// input is what a client sends, read many requests at a time. An idle client costs no buffer: it is there only while
// something is in it. Only the connection's reader uses it.
type input struct {
	socket
	buffer  block.Payload
	memory  []byte // of buffer; nil while there is none
	unread  []byte // a piece of memory
	ahead   int    // how much the next read may bring
	receive func(fd uintptr) bool
	err     error // of receive
}

func newInput(s socket) input { return input{socket: s, ahead: inputSize} }

// fill reads until n bytes are unread, at most half of inputSize. What next returned before is gone then.
func (in *input) fill(n int) error {
	for len(in.unread) < n {
		if err := in.more(); err != nil {
			return err
		}
	}
	return nil
}

// next takes n bytes that fill has brought.
func (in *input) next(n int) []byte {
	b := in.unread[:n]
	in.unread = in.unread[n:]
	return b
}

// read fills b.
func (in *input) read(b []byte) error {
	n := copy(b, in.unread)
	in.unread = in.unread[n:]
	if b = b[n:]; len(b) == 0 {
		return nil
	}
	if len(b) > inputAhead {
		in.ahead = inputAhead
	}
	_, err := io.ReadFull(in.Conn, b)
	return err
}

// discard reads n bytes and forgets them.
func (in *input) discard(n uint64) error {
	for {
		had := min(n, uint64(len(in.unread)))
		in.unread = in.unread[had:]
		if n -= had; n == 0 {
			return nil
		}
		if err := in.more(); err != nil {
			return err
		}
	}
}

// more reads what there is, at least one byte.
func (in *input) more() error {
	defer func() { in.ahead = inputSize }()
	if in.raw == nil {
		n, err := in.Conn.Read(in.space())
		in.unread = in.unread[:len(in.unread)+n]
		if n > 0 {
			return nil // an error will come again
		}
		return err
	}
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
	space := in.space()
	for {
		n, err := unix.Read(int(fd), space)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			in.release()
			return false
		case err == nil && n == 0:
			err = io.EOF
		case err == nil:
			in.unread = in.unread[:len(in.unread)+n]
		}
		in.err = err
		return true
	}
}

// space is where the next bytes go, behind those that are unread.
func (in *input) space() []byte {
	if in.memory == nil {
		in.buffer = block.GetPayload(inputSize)
		in.memory = in.buffer.Bytes(inputSize)
	}
	had := copy(in.memory, in.unread)
	in.unread = in.memory[:had]
	return in.memory[had:min(had+in.ahead, inputSize)]
}

// release gives the buffer back if nothing is in it.
func (in *input) release() {
	if in.memory != nil && len(in.unread) == 0 {
		in.buffer.Put()
		in.memory, in.unread = nil, nil
	}
}
