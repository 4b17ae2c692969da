package nbd

import (
	"context"
	"errors"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// errno is the one place where an error becomes a number on the wire ("Error values").
func errno(err error, j *job) wire.Errno {
	var e syscall.Errno
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return wire.ESHUTDOWN
	}
	switch e {
	case syscall.EPERM, syscall.EACCES, syscall.EROFS:
		return wire.EPERM
	case syscall.ENOMEM:
		return wire.ENOMEM
	case syscall.EINVAL:
		return wire.EINVAL
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return wire.ENOSPC
	case syscall.ESHUTDOWN:
		return wire.ESHUTDOWN
	}
	if e == syscall.EOVERFLOW {
		if j.whole {
			return wire.EOVERFLOW
		}
		return wire.EINVAL // proto.md allows EOVERFLOW where DF was set only
	}
	if e == syscall.ENOTSUP || e == syscall.EOPNOTSUPP { // one number on some systems, two on others
		if j.Flags&block.FastZero != 0 {
			return wire.ENOTSUP
		}
		return wire.EINVAL // proto.md allows ENOTSUP for fast zeroing only
	}
	return wire.EIO
}

// reason is what a client may be told about an error: the words of who refused it, or the plain meaning of its
// number, never a name of the server's.
func reason(err error) string {
	var r interface{ Reason() string }
	if errors.As(err, &r) {
		return r.Reason()
	}
	var e syscall.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return "the request failed"
}

// refusal is a request that broke a rule of the protocol without breaking the connection.
type refusal string

func (e refusal) Error() string  { return string(e) }
func (e refusal) Reason() string { return string(e) }
func (e refusal) Unwrap() error  { return syscall.EINVAL }

const (
	errFlags    = refusal("a flag is not allowed here")
	errPayload  = refusal("more than 64 MiB were asked for at once")
	errContext  = refusal("no meta context was negotiated")
	errReserved = refusal("offset and length of a flush must be 0")
	errLength   = refusal("a payload must be announced, by NBD_CMD_FLAG_PAYLOAD_LEN")
	errExtra    = refusal("this command takes no payload")
	errFilter   = refusal("the payload names no meta context that was negotiated, or something else")
	errCommand  = refusal("unknown command")
)

// violation is a broken rule after which the stream means nothing: the connection is closed.
type violation string

func (e violation) Error() string { return string(e) }
