package block

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// GateState is where a Gate is in RUNNING → PAUSING → PAUSED → RUNNING.
type GateState uint8

const (
	Running GateState = iota
	Pausing           // closed, requests that entered before are still being served
	Paused            // closed and drained
	Stopped           // for good: what is held and what comes is answered ErrShutdown
)

// Gate holds requests while a session is paused. There is one a session, over all its exports; each client goes
// through it by a Lane of its own, so that running costs a client one atomic add each way and no shared line.
type Gate struct {
	shut atomic.Bool // what Enter looks at: true in every state but Running

	mu      sync.Mutex
	state   GateState
	since   time.Time // of state
	before  GateState
	took    time.Duration // in before
	changed chan struct{} // closed and replaced at each change of state
	lanes   map[*Lane]struct{}
	pauses  int // times Paused was reached
	resumes int
	paused  time.Duration // spent in Paused, up to since
	notify  func(GateStatus)
}

// GateStatus is a Gate at one moment.
type GateStatus struct {
	State     GateState
	Since     time.Time
	Before    GateState     // the state before
	Took      time.Duration // how long that one held
	InFlight  int           // requests past the gate
	Pauses    int           // how often a drain has succeeded
	PausedFor time.Duration // in Paused so far, the present one included; a drain still moves bytes
}

// NewGate returns an open gate. notify, unless nil, is told each change of state, in order; it must not block nor
// call the gate.
func NewGate(notify func(GateStatus)) *Gate {
	if notify == nil {
		notify = func(GateStatus) {}
	}
	return &Gate{since: time.Now(), changed: make(chan struct{}), lanes: map[*Lane]struct{}{}, notify: notify}
}

// Shut closes the gate and starts the drain, without waiting for it.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shutLocked()
}

func (g *Gate) shutLocked() {
	if g.state == Running {
		g.shut.Store(true) // from here on no request enters; those that did are counted in their lanes
		g.set(Pausing)
		g.settle()
	}
}

// Pause closes the gate and waits until every request past it has finished. It returns Paused then, and only then;
// Running where a Resume cancelled the drain or came right behind it; Stopped where the session is ending. When ctx
// ends first it returns ctx's error, and the gate stays closed: who asked may be gone, the pause is not.
func (g *Gate) Pause(ctx context.Context) (GateState, error) {
	g.mu.Lock()
	g.shutLocked()
	resumes := g.resumes
	for g.state == Pausing && g.resumes == resumes {
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Pausing, ctx.Err()
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	if g.resumes != resumes && g.state != Stopped {
		return Running, nil // if another Pause has come since, that one answers for itself
	}
	return g.state, nil
}

// Resume opens the gate, from Pausing too: a waiting Pause then returns Running.
func (g *Gate) Resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == Pausing || g.state == Paused {
		g.shut.Store(false)
		g.resumes++
		g.set(Running)
	}
}

// Stop ends the gate for good.
func (g *Gate) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != Stopped {
		g.shut.Store(true)
		g.set(Stopped)
	}
}

// Status is the gate now.
func (g *Gate) Status() GateStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status()
}

func (g *Gate) status() GateStatus {
	s := GateStatus{
		State: g.state, Since: g.since, Before: g.before, Took: g.took,
		InFlight: g.inFlight(), Pauses: g.pauses, PausedFor: g.paused,
	}
	if g.state == Paused {
		s.PausedFor += time.Since(g.since)
		s.InFlight = 0 // what is counted is in Enter, and about to take it back
	}
	return s
}

// set changes the state and wakes all who wait. Called with mu held.
func (g *Gate) set(s GateState) {
	now := time.Now()
	g.before, g.took = g.state, now.Sub(g.since)
	if g.before == Paused {
		g.paused += g.took
	}
	if s == Paused {
		g.pauses++
	}
	g.state, g.since = s, now
	close(g.changed)
	g.changed = make(chan struct{})
	g.notify(g.status())
}

// settle makes Pausing Paused once nothing is past the gate. Called with mu held.
//
// The sum over the lanes is sound though they are read one by one: with shut set, a lane that was seen at zero can
// only be touched by an Enter that takes its step back and serves nothing.
func (g *Gate) settle() {
	if g.state == Pausing && g.inFlight() == 0 {
		g.set(Paused)
	}
}

func (g *Gate) inFlight() int {
	var n int64
	for l := range g.lanes {
		n += l.entered.Load()
	}
	return int(n)
}

// Lane is one client's way through a gate.
type Lane struct {
	gate    *Gate
	entered atomic.Int64 // requests past the gate
	held    atomic.Int64 // requests waiting at it
	last    atomic.Bool  // see Last
}

// Lane adds a client. Close it when the client's last request has left.
func (g *Gate) Lane() *Lane {
	l := &Lane{gate: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lanes[l] = struct{}{}
	return l
}

// Close removes the lane.
func (l *Lane) Close() {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	delete(l.gate.lanes, l)
	l.gate.settle()
}

// Enter lets a request past the gate, at once while the session runs; it waits while the session is paused, until
// ctx ends (ErrShutdown). With NoWait a closed gate answers ErrWait. Every Enter that returns nil is followed by
// a Leave.
func (l *Lane) Enter(ctx context.Context, f Flags) error {
	for {
		l.entered.Add(1)
		if !l.gate.shut.Load() || l.last.Load() {
			return nil
		}
		l.Leave()
		if f&NoWait != 0 {
			return ErrWait
		}
		if err := l.wait(ctx); err != nil {
			return err
		}
	}
}

// wait blocks until the gate is open. The request in hand, if ctx has one, is told that it is held.
func (l *Lane) wait(ctx context.Context) error {
	l.held.Add(1)
	defer l.held.Add(-1)
	if s, ok := ctx.Value(slotKey{}).(*slot); ok {
		s.hold()
		defer s.release()
	}
	g := l.gate
	for {
		g.mu.Lock()
		state, changed := g.state, g.changed
		g.mu.Unlock()
		switch state {
		case Running:
			return nil
		case Stopped:
			return ErrShutdown
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ErrShutdown
		}
	}
}

// Leave counts a request out.
func (l *Lane) Leave() {
	if l.entered.Add(-1) == 0 && l.gate.shut.Load() {
		l.gate.mu.Lock()
		defer l.gate.mu.Unlock()
		l.gate.settle()
	}
}

// Last lets what the lane brings from now on past a stopped gate: the flush that ends a session. Every other request
// of the client has left by then.
func (l *Lane) Last() { l.last.Store(true) }

// InFlight is how many of the client's requests are past the gate.
func (l *Lane) InFlight() int { return int(l.entered.Load()) }

// Held is how many of them wait at it.
func (l *Lane) Held() int { return int(l.held.Load()) }

// GateLayer is the gate as a layer of a stack: requests of the layers above wait here, each in its client's lane.
func GateLayer() Layer { return gateLayer{} }

type gateLayer struct{}

func (gateLayer) Open(ctx context.Context, o OpenRequest, below Opener) (Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	return &gated{next: next, lane: o.Lane}, nil
}

func (gateLayer) Close() error { return nil }

type gated struct {
	next *Door
	lane *Lane
}

func (h *gated) Info() Info { return h.next.Info() }

func (h *gated) Serve(ctx context.Context, r Request, w *Reply) error {
	if err := h.lane.Enter(ctx, r.Flags); err != nil {
		return err
	}
	defer h.lane.Leave()
	return h.next.Serve(ctx, r, w)
}

func (h *gated) Close(ctx context.Context) error { return h.next.Close(ctx) }
