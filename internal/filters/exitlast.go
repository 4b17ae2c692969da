package filters

import (
	"context"
	"sync"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "exitlast",
		Summary: "end the session when the last client has left",
		Help: `Shuts the server down when nobody has the export open any more. With exitlast-grace= it waits so long for
another client first: qemu-img, for one, looks at a disk and leaves before it comes to work.

    nbdtui --filter=exitlast file disk.img exitlast-grace=2

It does not end a session to which nobody came, and does not count clients that were refused or that only asked what
there is (NBD_OPT_INFO). It does not signal the command of --run: that is waited for.`,
		Prompt: true,
		New:    func() block.Builder { return &exitlastBuilder{} },
	})
}

type exitlastBuilder struct{ grace time.Duration }

func (b *exitlastBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "exitlast-grace", Kind: "TIME", Default: "0", Help: "how long to wait for another client", Set: setDuration(&b.grace)},
	}}
}

func (b *exitlastBuilder) Build(block.Host) (block.Layer, error) {
	return &exitlastLayer{grace: b.grace}, nil
}

type exitlastLayer struct {
	grace time.Duration

	mu    sync.Mutex
	open  int         // handlers, and those that are being opened
	due   bool        // a client has come and left
	timer *time.Timer // of the grace; nil before the first one
}

func (l *exitlastLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	l.come()
	next, err := below(ctx, o)
	if err != nil {
		l.leave(false, o.Shutdown)
		return nil, err
	}
	return &lasting{next, l, o}, nil
}

func (l *exitlastLayer) come() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	if l.timer != nil {
		l.timer.Stop()
	}
}

// leave ends the session, at once or after the grace, if no one is left and there was a client.
func (l *exitlastLayer) leave(client bool, shutdown func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	l.due = l.due || client
	switch {
	case l.open > 0 || !l.due:
	case l.grace == 0:
		shutdown()
	default:
		l.timer = time.AfterFunc(l.grace, func() { l.expire(shutdown) })
	}
}

// expire is the end of a grace; somebody may have come while it began.
func (l *exitlastLayer) expire(shutdown func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == 0 {
		shutdown()
	}
}

// Close ends a grace: what it waits for will not come.
func (l *exitlastLayer) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	return nil
}

// lasting is somebody's view.
type lasting struct {
	*block.Door
	layer *exitlastLayer
	o     block.OpenRequest
}

func (h *lasting) Close(ctx context.Context) error {
	defer func() { h.layer.leave(isClient(h.o), h.o.Shutdown) }()
	return h.Door.Close(ctx)
}

// isClient tells those who came to stay from those who only looked.
func isClient(o block.OpenRequest) bool {
	if o.Peer.Addr == nil || o.Entered == nil {
		return o.Peer.Addr != nil
	}
	select {
	case <-o.Entered:
		return true
	default:
		return false
	}
}
