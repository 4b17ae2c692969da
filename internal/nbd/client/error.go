package client

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"example.com/nbdtui/internal/nbd/wire"
)

// Error is a request that failed. The connection may go on: where it does not, every later request fails too.
type Error struct {
	Op     string // "read", "write", …
	Offset uint64 // bytes
	Length uint64 // bytes
	Err    error  // a syscall.Errno, the context's error, or why the connection ended
	Text   string // what the server said; empty where it said nothing
}

// Reason is why, without what was asked for.
func (e *Error) Reason() string {
	if e.Text != "" {
		return fmt.Sprintf("%v (the server says: %s)", e.Err, e.Text)
	}
	return e.Err.Error()
}

func (e *Error) Error() string {
	if e.Op == "flush" {
		return "flush: " + e.Reason()
	}
	return fmt.Sprintf("%s %d bytes at offset %d: %s", e.Op, e.Length, e.Offset, e.Reason())
}

func (e *Error) Unwrap() error { return e.Err }

// ErrBroken is part of every error that says that the server did what the protocol forbids.
var ErrBroken = errors.New("the server broke the protocol")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBroken}, args...)...)
}

// errno is the system's error for one on the wire. What is not known is EINVAL (proto.md, "Error values").
func errno(e wire.Errno) error {
	switch e {
	case wire.EPERM:
		return syscall.EPERM
	case wire.EIO:
		return syscall.EIO
	case wire.ENOMEM:
		return syscall.ENOMEM
	case wire.ENOSPC:
		return syscall.ENOSPC
	case wire.EOVERFLOW:
		return syscall.EOVERFLOW
	case wire.ENOTSUP:
		return syscall.ENOTSUP
	case wire.ESHUTDOWN:
		return syscall.ESHUTDOWN
	}
	return syscall.EINVAL
}

// text is what a server said, fit for a terminal: one line, and nothing that moves a cursor.
func text(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b), "?")))
}
