package filters

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "limit",
		Summary: "limit how many clients there are at a time",
		Help: `While limit= clients have the export open, others are dropped before they are greeted; of several that come at
once, those that are too many are refused when they open it. limit=0 is no limit.

It does not queue clients: who was refused has to come again. It does not tell clients apart: one that opens several
connections counts several times, and so does one that only asks what the export is like. --max-connections limits
connections that have opened nothing.`,
		Prompt: true,
		New:    func() block.Builder { return &limitBuilder{limit: 1} },
	})
}

type limitBuilder struct{ limit uint64 }

func (b *limitBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "limit", Kind: "NUMBER", Default: "1", Help: "clients at a time; 0 for no limit", Set: param.Uint(&b.limit, math.MaxUint32)},
	}}
}

func (b *limitBuilder) Build(block.Host) (block.Layer, error) {
	return &limitLayer{limit: int64(b.limit)}, nil
}

type limitLayer struct {
	limit   int64
	clients atomic.Int64 // that have the export open, or are opening it
}

// Admit drops a client while there are enough.
func (l *limitLayer) Admit(context.Context, block.Peer) error { return l.check(l.clients.Load() + 1) }

func (l *limitLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	err := l.check(l.clients.Add(1))
	if err == nil {
		var next *block.Door
		if next, err = below(ctx, o); err == nil {
			return &limited{next, l}, nil
		}
	}
	l.clients.Add(-1)
	return nil, err
}

// check refuses one client too many.
func (l *limitLayer) check(clients int64) error {
	if l.limit > 0 && clients > l.limit {
		return fmt.Errorf("limit=%d clients are there already: %w", l.limit, syscall.EPERM)
	}
	return nil
}

func (l *limitLayer) Close() error { return nil }

// limited is one of those clients.
type limited struct {
	*block.Door
	layer *limitLayer
}

func (h *limited) Close(ctx context.Context) error {
	defer h.layer.clients.Add(-1)
	return h.Door.Close(ctx)
}
