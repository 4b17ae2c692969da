package filters

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "retry",
		Summary: "reopen what is below when a request fails, and ask again",
		Help: `When a request fails everything below this filter is closed for that client, and after retry-delay= opened and
asked again, up to retries= times. The delay doubles each time unless retry-exponential=no. With retry-readonly=yes it
is reopened for reading only, and changes are refused from then on. An export that cannot be opened at first is tried
again in the same way.

Other requests of the client wait meanwhile; those that were under way end where they began, and what was closed is let
go when the last of them has ended: one that hangs holds up nobody. What clients were told of the export does not
change: requests that what was reopened cannot serve any more fail.

It does not tell errors that may pass from those that will not: a full disk is tried again too. But a disk that has lost
what was written says so to the client: to open it anew would hide that. It does not write again what was answered
before the failure: what is below must have kept it. A wait ends with ESHUTDOWN when the client is gone or the session
ends.`,
		New: func() block.Builder {
			return &retryBuilder{retries: 5, delay: 2 * time.Second, exponential: true}
		},
	})
}

type retryBuilder struct {
	retries               uint64
	delay                 time.Duration
	exponential, readOnly bool
}

func (b *retryBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "retries", Kind: "NUMBER", Default: "5", Help: "how often to try again; 0 for never", Set: param.Uint(&b.retries, math.MaxUint32)},
		{Name: "retry-delay", Kind: "TIME", Default: "2", Help: "how long to wait before that", Set: setPositive(&b.delay)},
		{Name: "retry-exponential", Kind: "BOOL", Default: "yes", Help: "wait twice as long each time", Set: param.Bool(&b.exponential)},
		{Name: "retry-readonly", Kind: "BOOL", Default: "no", Help: "reopen for reading only", Set: param.Bool(&b.readOnly)},
	}}
}

func (b *retryBuilder) Build(h block.Host) (block.Layer, error) {
	return &retryLayer{*b, h.Stopping}, nil
}

type retryLayer struct {
	retryBuilder
	stopping <-chan struct{}
}

func (l *retryLayer) Close() error { return nil }

// tries is what one request has left.
type tries struct {
	left  uint64
	delay time.Duration // before the next one
}

func (l *retryLayer) tries() tries { return tries{l.retries, l.delay} }

// wait takes one try and waits before it. It is an error that none is left, or that ctx ended.
func (l *retryLayer) wait(ctx context.Context, t *tries, last error) error {
	if t.left == 0 {
		return last
	}
	t.left--
	if ctx.Err() != nil || sleep(ctx, l.stopping, t.delay) != nil {
		return fmt.Errorf("not tried again (%v): %w", last, block.ErrShutdown)
	}
	if l.exponential {
		t.delay = min(2*t.delay, maxDuration)
	}
	return nil
}

func (l *retryLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	for t := l.tries(); err != nil; next, err = below(ctx, o) {
		if err = l.wait(ctx, &t, err); err != nil {
			return nil, err
		}
	}
	return &retried{retryLayer: l, below: below, o: o, info: next.Info(), current: &generation{door: next}}, nil
}

// generation is what was opened below at one time. It is closed when it is retired and its last request has left.
type generation struct {
	door    *block.Door
	users   int // requests in it
	retired bool
}

// retried is one client's view.
type retried struct {
	*retryLayer
	below block.Opener
	o     block.OpenRequest
	info  block.Info // what the client was told

	mu         sync.Mutex
	current    *generation   // nil where what was open failed
	recovering chan struct{} // closed when who reopens has done so or given up; nil where nobody does

	refusing atomic.Bool // it was reopened for reading only
}

func (h *retried) Info() block.Info { return h.info }

func (h *retried) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if r.Flags&block.NoWait != 0 {
		return block.ErrWait
	}
	t := h.tries()
	g := h.enter()
	var err error = syscall.EIO // of a request that found nothing open, and may not try
	for {
		if g == nil && r.Flags&block.FastZero != 0 {
			return syscall.ENOTSUP // it would not be fast
		}
		if g != nil {
			if err = h.check(g, r); err == nil {
				err = g.door.Serve(ctx, r, w)
			}
			h.leave(ctx, g)
			if err == nil || final(r, err) || t.left == 0 || r.Cmd.Changes() && h.refusing.Load() {
				return err
			}
		}
		if g, err = h.reopened(ctx, g, &t, err); err != nil {
			return err
		}
	}
}

// check refuses what the client may ask and what is open now cannot do.
func (h *retried) check(g *generation, r block.Request) error {
	now := g.door.Info()
	switch {
	case r.Cmd.Changes() && (now.ReadOnly || h.refusing.Load()):
		return syscall.EROFS
	case now == h.info:
		return nil
	case r.Length > now.Size || r.Offset > now.Size-r.Length:
		if r.Cmd == block.Write || r.Cmd == block.WriteZeroes {
			return syscall.ENOSPC
		}
		return syscall.EIO
	case r.Cmd == block.WriteZeroes && (now.Zero != block.Native || r.Flags&block.FastZero != 0 && !now.FastZero):
		return syscall.ENOTSUP // the outermost door writes them
	case r.Cmd == block.Trim && !now.Trim, r.Cmd == block.Flush && !now.Flush,
		r.Cmd == block.Cache && now.Cache != block.Native, r.Flags&block.FUA != 0 && now.FUA == block.None:
		return syscall.EIO
	}
	return nil
}

// enter counts a request into what is open; nil where nothing is.
func (h *retried) enter() *generation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.enterLocked()
}

func (h *retried) enterLocked() *generation {
	if h.current != nil {
		h.current.users++
	}
	return h.current
}

// leave counts a request out.
func (h *retried) leave(ctx context.Context, g *generation) {
	h.mu.Lock()
	g.users--
	over := g.retired && g.users == 0
	h.mu.Unlock()
	if over {
		g.door.Close(ctx) // it failed already: its last words are of no use
	}
}

// reopened enters what was opened since failed was, or opens it. One request does that at a time; the others wait for
// what comes of it. The error is last where t has run out.
func (h *retried) reopened(ctx context.Context, failed *generation, t *tries, last error) (*generation, error) {
	for {
		h.mu.Lock()
		if h.current != failed {
			if g := h.enterLocked(); g != nil {
				h.mu.Unlock()
				if failed != nil {
					t.left--
				}
				return g, nil
			}
		}
		other := h.recovering
		if other == nil {
			h.recovering = make(chan struct{})
			h.mu.Unlock()
			return h.reopen(ctx, failed, t, last)
		}
		h.mu.Unlock()
		select {
		case <-other:
		case <-h.stopping:
			return nil, block.ErrShutdown
		case <-ctx.Done():
			return nil, block.ErrShutdown
		}
	}
}

// reopen closes what failed and opens anew until it succeeds or t has run out.
func (h *retried) reopen(ctx context.Context, failed *generation, t *tries, last error) (g *generation, err error) {
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.current = g
		close(h.recovering)
		h.recovering = nil
	}()
	h.retire(ctx, failed)
	o := h.o
	o.ReadOnly = o.ReadOnly || h.readOnly
	for {
		if err := h.wait(ctx, t, last); err != nil {
			return nil, err
		}
		door, err := h.below(ctx, o)
		if err == nil {
			h.refusing.Store(h.readOnly)
			return &generation{door: door, users: 1}, nil
		}
		last = fmt.Errorf("reopen: %v: %w", err, block.ErrShutdown)
	}
}

// retire lets no more requests in, and closes what is empty. What is not, the last request closes.
func (h *retried) retire(ctx context.Context, g *generation) {
	h.mu.Lock()
	if h.current != g || g == nil { // another request did it
		h.mu.Unlock()
		return
	}
	h.current = nil
	g.retired = true
	g.users++ // leave takes it back
	h.mu.Unlock()
	h.leave(ctx, g)
}

// Close closes what is open; no request is left, so nothing else is.
func (h *retried) Close(ctx context.Context) error {
	if h.current == nil {
		return nil
	}
	return h.current.door.Close(ctx)
}
