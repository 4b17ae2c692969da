// Package blocktest checks that layers keep the contract of package block. One suite runs over every plugin, and over
// every filter in front of a plugin, so that a layer has no tests of its own for what all layers must do.
package blocktest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// Layer names a registered plugin or filter and its parameters.
type Layer struct {
	Kind  block.Kind
	Name  string
	Words []string // key=value
}

// Stack is built layers, with a probe above the plugin that counts and can be told to fail.
type Stack struct {
	Gate   *block.Gate
	Events chan string // what users would be told; the newest are lost when nobody listens
	Probe  Probe
	Ended  chan struct{} // holds a value when a layer has asked for the end of the session

	layers   []namedLayer // outermost first
	readOnly bool
}

type namedLayer struct {
	block.Layer
	name string
}

// Probe sees the requests that reach the plugin.
type Probe struct {
	Opened, Closed, Served atomic.Int64
	Durable                atomic.Int64 // those served that were flushes or had FUA
	Fail                   atomic.Bool  // answer EIO, with something in the reply
	Panic                  atomic.Bool
}

// Build makes and starts layers, outermost first, and closes them with the test.
func Build(t testing.TB, readOnly bool, layers ...Layer) *Stack {
	t.Helper()
	s := &Stack{Gate: block.NewGate(nil), Events: make(chan string, 100), Ended: make(chan struct{}, 1), readOnly: readOnly}
	host := block.Host{Gate: s.Gate, ReadOnly: readOnly, Event: s.event, Note: s.event, Shutdown: s.end, Threads: func() block.Threads { return block.Parallel }}
	for _, l := range slices.Backward(layers) {
		layer, err := Configure(t, l).Build(host)
		if err != nil {
			t.Fatalf("build %s: %v", l.Name, err)
		}
		s.layers = slices.Insert(s.layers, 0, namedLayer{layer, l.Name})
	}
	s.layers = slices.Insert(s.layers, len(s.layers)-1, namedLayer{&probeLayer{&s.Probe}, "probe"})
	for _, l := range s.layers {
		if starter, ok := l.Layer.(block.Starter); ok {
			if err := starter.Start(); err != nil {
				t.Fatalf("start %s: %v", l.name, err)
			}
		}
	}
	t.Cleanup(func() {
		for _, l := range s.layers {
			if err := l.Close(); err != nil {
				t.Errorf("close layer %s: %v", l.name, err)
			}
		}
		if opened, closed := s.Probe.Opened.Load(), s.Probe.Closed.Load(); opened != closed {
			t.Errorf("%d handlers were opened and %d closed", opened, closed)
		}
	})
	return s
}

// Configure gives a layer its parameters, as a command line would.
func Configure(t testing.TB, l Layer) block.Builder {
	t.Helper()
	r, ok := block.Lookup(l.Kind, l.Name)
	if !ok {
		t.Fatalf("there is no %v %s", l.Kind, l.Name)
	}
	b := r.New()
	table := b.Table()
	for _, word := range l.Words {
		key, value, _ := param.Key(word)
		p, ok := table.Lookup(key)
		if !ok {
			t.Fatalf("%s has no parameter %s", l.Name, word)
		}
		if err := p.Apply(value); err != nil {
			t.Fatalf("%s: %v", l.Name, err)
		}
	}
	return b
}

// Open makes a client's view, closed with the test.
func (s *Stack) Open(t testing.TB, o block.OpenRequest) *block.Door {
	t.Helper()
	o.Lane = s.Gate.Lane()
	door, err := s.Try(t.Context(), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := door.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := o.Lane.InFlight(); n != 0 {
			t.Errorf("%d requests are still in flight", n)
		}
		o.Lane.Close()
	})
	return door
}

// Try opens a client's view that may be refused; the caller closes it. It has a lane only if o has.
func (s *Stack) Try(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
	o.ReadOnly = o.ReadOnly || s.readOnly
	if o.Disconnect == nil {
		o.Disconnect = func(bool) {}
	}
	if o.Shutdown == nil {
		o.Shutdown = s.end
	}
	return s.opener(0)(ctx, o)
}

// Knobs are those of all layers, outermost first.
func (s *Stack) Knobs() (list []block.Knob) {
	for _, l := range s.layers {
		if t, ok := l.Layer.(block.Tuner); ok {
			list = append(list, t.Knobs()...)
		}
	}
	return list
}

// Plugin opens the plugin itself, behind the back of every filter; closed with the test.
func (s *Stack) Plugin(t testing.TB) *block.Door {
	t.Helper()
	d, err := s.opener(len(s.layers)-1)(t.Context(), block.OpenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Fill writes to the plugin's disk.
func (s *Stack) Fill(t testing.TB, off uint64, b []byte) {
	t.Helper()
	a := block.GetAnswer(false)
	defer a.Put()
	r := block.Request{Cmd: block.Write, Offset: off, Length: uint64(len(b)), Data: b}
	if err := s.Plugin(t).Serve(t.Context(), r, a.Reply()); err != nil {
		t.Fatal(err)
	}
}

// Admit asks the layers whether a client may come, as the server does before it greets.
func (s *Stack) Admit(ctx context.Context, p block.Peer) error {
	for _, l := range s.layers {
		if a, ok := l.Layer.(block.Admitter); ok {
			if err := a.Admit(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Stack) opener(i int) block.Opener {
	return func(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
		var below block.Opener
		if i+1 < len(s.layers) {
			below = s.opener(i + 1)
		}
		return block.OpenDoor(ctx, s.layers[i], o, below, s.layers[i].name, i == 0, s.event)
	}
}

func (s *Stack) event(format string, args ...any) {
	select {
	case s.Events <- fmt.Sprintf(format, args...):
	default:
	}
}

func (s *Stack) end() {
	select {
	case s.Ended <- struct{}{}:
	default:
	}
}

type probeLayer struct{ *Probe }

func (l *probeLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	l.Opened.Add(1)
	return &probeHandler{l.Probe, next}, nil
}

func (l *probeLayer) Close() error { return nil }

type probeHandler struct {
	*Probe
	next *block.Door
}

func (h *probeHandler) Info() block.Info { return h.next.Info() }

func (h *probeHandler) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	h.Served.Add(1)
	if r.Cmd == block.Flush || r.Flags&block.FUA != 0 {
		h.Durable.Add(1)
	}
	if h.Fail.Load() {
		w.Hole(min(r.Length, 1))
		return syscall.EIO
	}
	if h.Panic.Load() {
		w.Bytes(min(r.Length, 1))
		panic("the probe was told to")
	}
	return h.next.Serve(ctx, r, w)
}

func (h *probeHandler) Close(ctx context.Context) error {
	h.Closed.Add(1)
	return h.next.Close(ctx)
}

// Bytes is an answer to a Read as one piece, the pipes emptied. holes is how many of its bytes came as holes.
func Bytes(t testing.TB, a *block.Answer) (b []byte, holes uint64) {
	t.Helper()
	for _, s := range a.Segments() {
		switch {
		case s.Data != nil:
			if uint64(len(s.Data)) != s.N {
				t.Fatalf("a segment of %d bytes has %d", s.N, len(s.Data))
			}
			b = append(b, s.Data...)
		case s.Pipe != nil:
			b = append(b, drain(t, s.Pipe, s.N)...)
		default:
			holes += s.N
			b = append(b, make([]byte, s.N)...)
		}
	}
	return b, holes
}

// drain empties a pipe by way of a file.
func drain(t testing.TB, p *block.Pipe, n uint64) []byte {
	t.Helper()
	if uint64(p.Waiting()) != n {
		t.Fatalf("a segment of %d bytes has %d in its pipe", n, p.Waiting())
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for p.Waiting() > 0 {
		if _, err := p.SpliceTo(int(f.Fd()), false); err != nil {
			t.Fatalf("empty the pipe: %v", err)
		}
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatalf("read what was in the pipe: %v", err)
	}
	return b
}
