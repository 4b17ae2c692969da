package block

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"syscall"
)

// Door is how a layer holds the layer below, and the server the outermost one: the only way to call a Handler.
// It checks what is asked and what is answered, so that a Handler never meets a request that its Info forbids. The
// outer door also emulates what the stack has not (WriteZeroes by writes, Cache by reads), and does a long request in
// slices. It is the outermost one, or where that is the gate's the one below: a request goes through the gate as a whole.
type Door struct {
	h     Handler
	info  Info
	name  string
	outer bool
	event func(string, ...any)
}

// NewDoor makes the door before h. name is the layer's, for messages; event takes what a user should be told and
// must not block; outer is true for the one door of a stack that emulates.
func NewDoor(h Handler, name string, outer bool, event func(string, ...any)) *Door {
	return &Door{h: h, info: h.Info(), name: name, outer: outer, event: event}
}

// OpenDoor opens one layer for a client, and makes the door before it. Where o asks for reading only no change gets
// through it, whatever the layer made of that.
func OpenDoor(ctx context.Context, l Layer, o OpenRequest, below Opener, name string, outer bool, event func(string, ...any)) (*Door, error) {
	h, err := l.Open(ctx, o, below)
	if err != nil {
		return nil, err
	}
	d := NewDoor(h, name, outer, event)
	if o.ReadOnly {
		d.info = d.info.WithoutChanges()
	}
	return d, nil
}

// Info is the handler's, fixed for its life; less where it was opened for reading only.
func (d *Door) Info() Info { return d.info }

// Close closes the handler. Once, after the last Serve returned.
func (d *Door) Close(ctx context.Context) error { return d.h.Close(ctx) }

// Serve answers r into w, or returns an error and leaves w as it was. Safe for concurrent use, with a w of its own
// for each call.
func (d *Door) Serve(ctx context.Context, r Request, w *Reply) (err error) {
	if err := d.check(&r); err != nil {
		return err
	}
	if r.Cmd == Write && uint64(len(r.Data)) != r.Length {
		return refused(syscall.EINVAL, "the payload is not as long as the range")
	}
	if r.Length == 0 && r.Cmd != Flush {
		return nil // proto.md leaves it open; nothing to do is done
	}
	before := w.Mark()
	defer func() {
		if p := recover(); p != nil {
			d.event("%s: panic in %v: %v\n%s", d.name, r.Cmd, p, debug.Stack())
			err = syscall.EIO
		}
		if err != nil {
			w.Reset(before)
		}
	}()
	switch {
	case r.Cmd == BlockStatus && !d.info.Extents:
		w.Extent(r.Length, 0)
		return nil
	case d.outer && r.Cmd == WriteZeroes && d.info.Zero == Emulate:
		return d.writeZeroes(ctx, r, w)
	case d.outer && r.Cmd == Cache && d.info.Cache == Emulate:
		return d.readAhead(ctx, r)
	case d.outer && long(&r):
		return inSteps(ctx, r, slice(r.Length), func(piece Request) error { return d.serve(ctx, piece, w, before) })
	}
	return d.serve(ctx, r, w, before)
}

// serve has the handler answer.
func (d *Door) serve(ctx context.Context, r Request, w *Reply, before Mark) error {
	err := d.h.Serve(ctx, r, w)
	if d.outer && r.Cmd == WriteZeroes && unsupported(err) && r.Flags&FastZero == 0 {
		return d.writeZeroes(ctx, r, w)
	}
	if err == nil {
		err = d.checkAnswer(r, w, before)
	}
	return err
}

// Check returns the error with which Serve would refuse r without asking the handler, or nil. The server asks before
// it takes memory for a payload; r.Data is not looked at.
func (d *Door) Check(r Request) error { return d.check(&r) }

// check refuses what the handler's Info forbids. The errors and their order follow proto.md's request types.
func (d *Door) check(r *Request) error {
	i := &d.info
	if i.ReadOnly && r.Cmd.Changes() {
		return refused(syscall.EPERM, "the export is read-only")
	}
	if r.Cmd == Flush {
		if !i.Flush {
			return refused(syscall.EINVAL, "flush is not offered")
		}
		return nil
	}
	if r.Offset > i.Size || r.Length > i.Size-r.Offset {
		if r.Cmd == Write || r.Cmd == WriteZeroes {
			return refused(syscall.ENOSPC, "the range is past the end of the export")
		}
		return refused(syscall.EINVAL, "the range is past the end of the export")
	}
	if r.Cmd == BlockStatus && r.Length == 0 {
		return refused(syscall.EINVAL, "the range is empty")
	}
	if m := uint64(i.MinBlock); m > 1 && (r.Offset|r.Length)%m != 0 {
		return refused(syscall.EINVAL, "the range is not aligned to the minimum block size")
	}
	switch {
	case r.Cmd == Trim && !i.Trim:
		return refused(syscall.EINVAL, "trim is not offered")
	case r.Cmd == WriteZeroes && i.Zero == None:
		return refused(syscall.EINVAL, "write-zeroes is not offered")
	case r.Cmd == Cache && i.Cache == None:
		return refused(syscall.EINVAL, "cache is not offered")
	case r.Flags&FastZero != 0 && !i.FastZero:
		return refused(syscall.EINVAL, "fast zeroing is not offered")
	case r.Flags&FUA != 0 && i.FUA == None:
		return refused(syscall.EINVAL, "FUA is not offered")
	}
	if !r.Cmd.Changes() {
		r.Flags &^= FUA // legal on every command, of use to changes only
	}
	return nil
}

// checkAnswer makes a wrong count of bytes an error of the layer, never a broken reply. Extents may go on behind the
// range; what the layer above asked for is all that it gets.
func (d *Door) checkAnswer(r Request, w *Reply, before Mark) error {
	got := w.n - before.n
	switch {
	case r.Cmd == BlockStatus && got > 0:
		w.clip(before, r.Length, r.Flags&ReqOne != 0)
		return nil
	case r.Cmd == BlockStatus, r.Cmd == Read && got != r.Length:
		d.event("%s: answered %d bytes to a %v of %d", d.name, got, r.Cmd, r.Length)
		return syscall.EIO
	}
	return nil
}

// How much is done at once of a request that is done in steps.
const (
	zeroStep  = 64 << 20 // written, in the place of zeroing
	readStep  = 1 << 20  // read, in the place of caching
	sliceSize = 1 << 30  // without data; more of what would be too many slices
	slicesMax = 1 << 10
)

// slice is how much is done at once of n bytes: a multiple of sliceSize.
func slice(n uint64) uint64 {
	const most = sliceSize * slicesMax
	return (n + most - 1) / most * sliceSize
}

// long reports a request that is done in slices. One that must be fast is not: it may not fail halfway. Of a block
// status a layer tells as much as it likes.
func long(r *Request) bool {
	switch r.Cmd {
	case Trim, WriteZeroes, Cache:
		return r.Length > sliceSize && r.Flags&FastZero == 0
	}
	return false
}

// inSteps does r a piece at a time. Between two it can be cancelled.
func inSteps(ctx context.Context, r Request, size uint64, do func(piece Request) error) error {
	if r.Flags&NoWait != 0 {
		return ErrWait
	}
	for r.Length > 0 {
		if ctx.Err() != nil {
			return ErrShutdown
		}
		piece := r
		piece.Length = min(r.Length, size)
		if err := do(piece); err != nil {
			return err
		}
		r.Offset, r.Length = r.Offset+piece.Length, r.Length-piece.Length
	}
	return nil
}

// step is most, or what the handler takes at once.
func (d *Door) step(most uint64) uint64 {
	if largest := uint64(d.info.MaxBlock); largest > 0 {
		return min(most, largest)
	}
	return most
}

var zeroes = sync.OnceValue(func() []byte { return make([]byte, zeroStep) })

func (d *Door) writeZeroes(ctx context.Context, r Request, w *Reply) error {
	if r.Flags&FastZero != 0 {
		return syscall.ENOTSUP // proto.md, NBD_CMD_FLAG_FAST_ZERO: no slower than a write, or fail at once
	}
	return inSteps(ctx, r, d.step(zeroStep), func(piece Request) error {
		piece.Cmd, piece.Flags, piece.Data = Write, r.Flags&FUA, zeroes()[:piece.Length]
		return d.h.Serve(ctx, piece, w)
	})
}

func (d *Door) readAhead(ctx context.Context, r Request) error {
	sink := GetPayload(readStep)
	defer sink.Put()
	return inSteps(ctx, r, d.step(readStep), func(piece Request) error {
		return d.ReadInto(ctx, sink.Bytes(int(piece.Length)), piece.Offset, 0)
	})
}

// ReadInto reads len(b) bytes from off into b, for those who must see bytes. f may hold NoWait.
func (d *Door) ReadInto(ctx context.Context, b []byte, off uint64, f Flags) error {
	a := GetAnswer(false)
	defer a.Put()
	a.reply.into, a.reply.direct = b, true
	return d.Serve(ctx, Request{Cmd: Read, Flags: f, Offset: off, Length: uint64(len(b))}, &a.reply)
}

// refusal is a request that was not served, with the reason for a person.
type refusal struct {
	errno syscall.Errno
	text  string
}

func refused(errno syscall.Errno, text string) error { return &refusal{errno, text} }

func (e *refusal) Error() string { return fmt.Sprintf("%s (%v)", e.text, e.errno) }
func (e *refusal) Unwrap() error { return e.errno }

// Reason is the text alone, which a client may be told: it names nothing of the server's.
func (e *refusal) Reason() string { return e.text }

// unsupported reports a native WriteZeroes that turned out not to be: the disk's own answer, on first use.
func unsupported(err error) bool {
	return errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EOPNOTSUPP)
}
