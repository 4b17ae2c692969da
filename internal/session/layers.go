package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.com/nbdtui/internal/block"
)

// layers are a Stack that was built.
type layers struct {
	list    []namedLayer  // outermost first
	outer   int           // the one whose door emulates, see block.Door
	threads block.Threads // of the strictest
	event   func(string, ...any)
}

type namedLayer struct {
	block.Layer
	name string
}

// build makes the layers, the plugin first. A gate stands outermost unless a filter is one.
func (s *Stack) build(h block.Host) (*layers, error) {
	built := &layers{event: h.Event}
	h.Threads = func() block.Threads { return built.threads }
	for _, l := range slices.Backward(s.levels) {
		layer, err := l.builder.Build(h)
		if err != nil {
			built.close()
			return nil, fmt.Errorf("%s %s: %w", l.Kind, l.Name, err)
		}
		built.list = slices.Insert(built.list, 0, namedLayer{layer, l.Name})
		threads := l.Threads
		if t, ok := layer.(block.Threader); ok {
			threads = t.Threads()
		}
		built.threads = max(built.threads, threads)
	}
	if !s.gated() {
		built.list = slices.Insert(built.list, 0, namedLayer{block.GateLayer(), "gate"})
	}
	if !s.gated() || s.levels[0].Gate {
		built.outer = 1
	}
	return built, nil
}

// ErrOver is the error of a Start to which a layer said that there is nothing to be done: all is well.
var ErrOver = errors.New("over before it began")

// start tells those who want to know that the sockets are bound.
func (l *layers) start() error {
	for _, n := range l.list {
		if starter, ok := n.Layer.(block.Starter); ok {
			if err := starter.Start(); errors.Is(err, block.ErrShutdown) {
				return fmt.Errorf("%s: %w: %w", n.name, ErrOver, err)
			} else if err != nil {
				return fmt.Errorf("filter %s: %w", n.name, err)
			}
		}
	}
	return nil
}

// open makes one client's view of the export: every layer opens the one below it.
func (l *layers) open(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
	return l.opener(0)(ctx, o)
}

func (l *layers) opener(i int) block.Opener {
	return func(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
		var below block.Opener
		if i+1 < len(l.list) {
			below = l.opener(i + 1)
		}
		return block.OpenDoor(ctx, l.list[i], o, below, l.list[i].name, i == l.outer, l.event)
	}
}

// exports names what clients may ask for: every Lister asks the one below it.
func (l *layers) exports(ctx context.Context, q block.ListRequest) ([]block.Export, error) {
	return l.listing(0)(ctx, q)
}

// listing is that of the layers from i on.
func (l *layers) listing(i int) block.Listing {
	for ; i < len(l.list); i++ {
		lister, ok := l.list[i].Layer.(block.Lister)
		if !ok {
			continue
		}
		var below block.Listing
		if i+1 < len(l.list) {
			below = l.listing(i + 1)
		}
		return func(ctx context.Context, q block.ListRequest) ([]block.Export, error) {
			return lister.List(ctx, q, below)
		}
	}
	return func(context.Context, block.ListRequest) ([]block.Export, error) { return []block.Export{{}}, nil }
}

// defaultName is what the outermost Namer says; without one it is empty.
func (l *layers) defaultName(ctx context.Context, q block.ListRequest) (string, error) {
	for _, n := range l.list {
		if namer, ok := n.Layer.(block.Namer); ok {
			return namer.Default(ctx, q)
		}
	}
	return "", nil
}

// admit asks every Admitter, outermost first.
func (l *layers) admit(ctx context.Context, p block.Peer) error {
	for _, n := range l.list {
		if a, ok := n.Layer.(block.Admitter); ok {
			if err := a.Admit(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// close closes the layers, outermost first.
func (l *layers) close() error {
	var errs []error
	for _, n := range l.list {
		if err := n.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", n.name, err))
		}
	}
	return errors.Join(errs...)
}
