package client

import (
	"errors"
	"io"
	"net"
	"os"

	"example.com/nbdtui/internal/nbd/wire"
)

// inputSize is the receive buffer: many headers at a time, and little of long data, which is then copied twice. A text
// must fit.
const inputSize = wire.MaxString

// input reads from the connection. Headers go through buf; what is longer goes to its place directly.
type input struct {
	conn        net.Conn
	buf         []byte
	start, end  int         // what is in buf
	interrupted func() bool // called when a deadline has passed: false is the end; nil during the handshake
}

// read reads at least one byte, or none where it was interrupted.
func (i *input) read(b []byte) (int, error) {
	n, err := i.conn.Read(b)
	switch {
	case n > 0:
		return n, nil // an error comes again
	case errors.Is(err, os.ErrDeadlineExceeded) && i.interrupted != nil && i.interrupted():
		return 0, nil
	}
	return 0, err
}

// next returns the next n bytes, at most inputSize, valid until the next call. An io.EOF means that there was none.
func (i *input) next(n int) ([]byte, error) {
	if i.end-i.start < n && i.start > 0 {
		i.end = copy(i.buf, i.buf[i.start:i.end])
		i.start = 0
	}
	for i.end-i.start < n {
		got, err := i.read(i.buf[i.end:])
		if err == io.EOF && i.end > i.start {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		i.end += got
	}
	b := i.buf[i.start : i.start+n]
	i.start += n
	return b, nil
}

// body is next within a reply, where no end may be.
func (i *input) body(n int) ([]byte, error) {
	b, err := i.next(n)
	return b, within(err)
}

// some copies at least one byte of what comes to b, or none where it was interrupted.
func (i *input) some(b []byte) (int, error) {
	if i.end > i.start {
		n := copy(b, i.buf[i.start:i.end])
		i.start += n
		return n, nil
	}
	n, err := i.read(b)
	return n, within(err)
}

// skip drops n bytes.
func (i *input) skip(n uint64) error {
	for n > 0 {
		b, err := i.body(int(min(n, uint64(len(i.buf)))))
		if err != nil {
			return err
		}
		n -= uint64(len(b))
	}
	return nil
}

// within is err where the stream may not end.
func within(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
