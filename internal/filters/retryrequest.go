package filters

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "retry-request",
		Summary: "ask again for what has failed",
		Help: `A request that fails is passed on again, after retry-request-delay=, up to retry-request-retries= times; only
the last error reaches the client. An export that could not be opened is tried again in the same way, unless
retry-request-open=false. Each request counts for itself.

It does not reopen what is below, as --filter=retry does, and does not tell errors that may pass from those that will
not: a full disk is tried again too. Fast zeroes that have to be slow, and zeroes that the disk has no command for, are
not tried again. A wait ends with ESHUTDOWN when the client is gone or the session ends.`,
		New: func() block.Builder {
			return &retryRequestBuilder{retries: 2, delay: 2 * time.Second, open: true}
		},
	})
}

type retryRequestBuilder struct {
	retries uint64
	delay   time.Duration
	open    bool
}

func (b *retryRequestBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "retry-request-retries", Kind: "NUMBER", Default: "2", Help: "how often to try again, up to 1000", Set: param.Uint(&b.retries, 1000)},
		{Name: "retry-request-delay", Kind: "TIME", Default: "2", Help: "how long to wait before that", Set: setPositive(&b.delay)},
		{Name: "retry-request-open", Kind: "BOOL", Default: "true", Help: "try to open the export again too", Set: param.Bool(&b.open)},
	}}
}

func (b *retryRequestBuilder) Build(h block.Host) (block.Layer, error) {
	return &retryRequestLayer{*b, h.Stopping}, nil
}

type retryRequestLayer struct {
	retryRequestBuilder
	stopping <-chan struct{}
}

func (l *retryRequestLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	var next *block.Door
	try := func() (err error) { next, err = below(ctx, o); return err }
	err := try()
	if err != nil && l.open {
		err = l.again(ctx, err, try)
	}
	if err != nil {
		return nil, err
	}
	return &retriedRequest{l, next}, nil
}

func (l *retryRequestLayer) Close() error { return nil }

// again tries until there is no error, or nothing is left to try.
func (l *retryRequestLayer) again(ctx context.Context, err error, try func() error) error {
	for range l.retries {
		if ctx.Err() != nil || sleep(ctx, l.stopping, l.delay) != nil {
			return fmt.Errorf("not tried again (%v): %w", err, block.ErrShutdown)
		}
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}

// retriedRequest is one client's view.
type retriedRequest struct {
	*retryRequestLayer
	next *block.Door
}

func (h *retriedRequest) Info() block.Info { return h.next.Info() }

func (h *retriedRequest) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if r.Flags&block.NoWait != 0 {
		return block.ErrWait
	}
	err := h.next.Serve(ctx, r, w)
	if err == nil || final(r, err) {
		return err
	}
	return h.again(ctx, err, func() error { return h.next.Serve(ctx, r, w) })
}

// final reports an error that is the answer: zeroes will have to be written, or what was written is lost.
func final(r block.Request, err error) bool {
	return r.Cmd == block.WriteZeroes && (errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EOPNOTSUPP)) ||
		errors.Is(err, block.ErrLost)
}

func (h *retriedRequest) Close(ctx context.Context) error { return h.next.Close(ctx) }
