// Package session is one running session: the sockets, the layers, the gate, the clients, the child and what
// happened to them. It gives Snapshots and takes verbs, and knows no screen. Above it stand the dashboard and main.
package session

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/nbd"
)

// Session is one running session. All methods may be called concurrently.
type Session struct {
	cfg       Config
	started   time.Time
	gate      *block.Gate
	layers    *layers
	listeners []*listener // none where there is only one client
	server    *nbd.Server
	log       log

	ctx    context.Context // ends with the session's last step
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	done   chan struct{}
	failed error // of the server; set before done is closed

	stop       stopper
	stopping   chan struct{} // closed when the server stops
	phase      atomic.Uint32 // a State from Stopping on: what the gate cannot tell; before that 0
	phaseSince atomic.Int64  // Unix time of phase, nanoseconds

	child     atomic.Pointer[captive.Child]
	startOnce sync.Once
	childDone chan struct{} // closed when the child has ended, or will never start; another one for each run
	rerun     chan struct{} // taken while the child may be run again
	terminal  cells         // the child's
	childErr  error         // why it never started
	childInfo atomic.Pointer[Child]
	export    block.Info // what a probe found; zero unless Watched

	coverage *block.Coverage // nil unless Watched
	anew     atomic.Bool     // progress is to be foretold from nothing
	sample   sampler
	newest   atomic.Pointer[Snapshot]
	wake     chan struct{} // something the next Snapshot should not wait for
	changed  chan struct{} // there is a new Snapshot, or the child printed
	saves    chan struct{} // Save was called
}

// Start builds the layers, binds the socket and serves. With Terminal the child waits for the first Resize; else it
// starts at once. After an error, of which ErrOver is none for a user, nothing is left behind.
func Start(cfg Config) (_ *Session, err error) {
	cfg.Grace, cfg.ServerGrace = orDefault(cfg.Grace, 10*time.Second), orDefault(cfg.ServerGrace, 5*time.Second)
	s := &Session{
		cfg:       cfg,
		started:   time.Now(),
		done:      make(chan struct{}),
		childDone: make(chan struct{}),
		stopping:  make(chan struct{}),
		rerun:     make(chan struct{}),
		wake:      make(chan struct{}, 1),
		changed:   make(chan struct{}, 1),
		saves:     make(chan struct{}, 1),
	}
	s.log.start(cfg.Event)
	for _, w := range cfg.Warnings {
		s.warn("%s", w)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.stop.init()
	s.gate = block.NewGate(s.gateChanged)
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	if s.layers, err = cfg.Stack.build(s.host()); err != nil {
		return nil, err
	}
	if cfg.Watched {
		if s.export, err = s.probe(); err != nil {
			return nil, err
		}
		s.coverage = block.NewCoverage(s.export.Size)
	}
	if s.listeners, err = cfg.Listen.open(cfg.Export); err != nil {
		return nil, err
	}
	if t := &cfg.TLS; t.Wrap != nil {
		for _, l := range s.listeners {
			l.vars = l.vars.Secured(t.Required, t.User, t.Parameter, t.Value)
		}
	}
	if err = s.layers.start(); err != nil {
		return nil, err
	}
	if cfg.Bound != nil {
		if err = cfg.Bound(s); err != nil {
			return nil, err
		}
	}
	s.server = nbd.NewServer(s.serverConfig())
	for _, l := range s.listeners {
		s.info("listening at %v", l)
		s.tasks.Go(func() { s.serve(l) })
	}
	if cfg.Listen.Client != nil {
		s.tasks.Go(s.serveClient)
	}
	if cfg.Run == "" {
		close(s.childDone)
	} else if s.childInfo.Store(&Child{Command: cfg.Run}); !cfg.Terminal {
		s.startChild(0, 0)
		if s.childErr != nil {
			return nil, s.childErr
		}
	}
	if cfg.Watched {
		s.publish()
		s.tasks.Go(s.sampleLoop)
	}
	go s.run() // ends with closing done, which Wait waits for
	return s, nil
}

// host is what the layers are given.
func (s *Session) host() block.Host {
	h := block.Host{Gate: s.gate, ReadOnly: s.cfg.ReadOnly, Event: s.fail, Note: s.info, Shutdown: s.shutdownByLayer, Stopping: s.stopping}
	if s.cfg.Stderr != nil { // a nil file is no nil writer
		h.Stdout, h.Stderr = s.cfg.Stdout, s.cfg.Stderr
	}
	return h
}

func (s *Session) shutdownByLayer() { s.Shutdown(ByLayer, "a layer asked for it") }

func (s *Session) serverConfig() nbd.Config {
	return nbd.Config{
		Open:                s.layers.open,
		List:                s.layers.exports,
		Default:             s.layers.defaultName,
		Admit:               s.layers.admit,
		Gate:                s.gate,
		TLS:                 s.cfg.TLS.Wrap,
		RequireTLS:          s.cfg.TLS.Required,
		ReadOnly:            s.cfg.ReadOnly,
		Threads:             s.layers.threads,
		Workers:             s.cfg.Workers,
		Prompt:              s.cfg.Stack.Prompt(),
		Splice:              s.cfg.Splice,
		MaxConnections:      s.cfg.MaxConnections,
		HandshakeTimeout:    s.cfg.HandshakeTimeout,
		WithheldFlags:       s.cfg.WithheldFlags,
		NoStructuredReplies: s.cfg.NoStructuredReplies,
		Oldstyle:            s.cfg.Oldstyle,
		MaxMemory:           s.cfg.MaxMemory,
		Coverage:            s.coverage,
		Shutdown:            s.shutdownByLayer,
		Event:               s.clientEvent,
	}
}

// abandon undoes what a Start that failed had done.
func (s *Session) abandon() {
	switch {
	case s.server != nil:
		s.stopServer()
	case s.layers != nil:
		s.layers.close()
	}
	for _, l := range s.listeners {
		l.Close()
	}
	s.cfg.Listen.abandon()
	s.cancel()
	s.tasks.Wait()
	s.log.stop()
}

// probe opens the export once, so that what cannot be served is said before anything starts, and its size is known.
// Where clients choose among several, and the one of the URI is not among them, there is nothing to look at.
func (s *Session) probe() (block.Info, error) {
	q := block.ListRequest{ReadOnly: s.cfg.ReadOnly}
	exports, err := s.layers.exports(s.ctx, q)
	if err != nil {
		return block.Info{}, fmt.Errorf("list the exports: %w", err)
	}
	name := s.cfg.Export
	if name == "" {
		if name, err = s.layers.defaultName(s.ctx, q); err != nil {
			return block.Info{}, fmt.Errorf("name the default export: %w", err)
		}
	}
	if !slices.ContainsFunc(exports, func(e block.Export) bool { return e.Name == name || len(exports) == 1 }) {
		return block.Info{}, nil
	}
	lane := s.gate.Lane()
	defer lane.Close()
	door, err := s.layers.open(s.ctx, block.OpenRequest{
		Name: name, ReadOnly: s.cfg.ReadOnly, Lane: lane, Disconnect: func(bool) {}, Shutdown: func() {},
	})
	if err != nil {
		return block.Info{}, fmt.Errorf("open the export: %w", err)
	}
	return door.Info(), door.Close(s.ctx)
}

func (s *Session) serve(l *listener) {
	if err := s.server.Serve(l); err != nil {
		s.fail("accept clients: %v", err)
		s.Shutdown(ByLayer, "no client can come any more")
	}
}

// serveClient serves the only client, whose end is the session's.
func (s *Session) serveClient() {
	s.server.ServeConn(s.cfg.Listen.Client)
	s.Shutdown(ByLayer, "the only client has left")
}

// Done is closed when the session has ended and nothing of it is left.
func (s *Session) Done() <-chan struct{} { return s.done }

// Wait waits for the end and returns the exit status: the child's, 128 and the signal that killed it, or 1 where the
// server failed and the child did not. err says why it is 1 and is not the child's doing.
func (s *Session) Wait() (code int, err error) {
	<-s.done
	if s.childErr != nil {
		return 1, s.childErr
	}
	if c := s.childInfo.Load(); c != nil {
		if code = c.Status.ExitCode(); code != 0 {
			return code, s.failed
		}
	}
	if s.failed != nil {
		return 1, s.failed
	}
	return 0, nil
}

// Note adds an event of somebody else's: one line.
func (s *Session) Note(l Level, text string) { s.note(l, "%s", text) }

func (s *Session) info(format string, args ...any) { s.note(Info, format, args...) }
func (s *Session) warn(format string, args ...any) { s.note(Warning, format, args...) }
func (s *Session) fail(format string, args ...any) { s.note(Failure, format, args...) }

func (s *Session) note(l Level, format string, args ...any) {
	s.log.add(l, format, args...)
	s.poke()
}

// clientEvent takes the protocol server's events.
func (s *Session) clientEvent(l nbd.Level, format string, args ...any) {
	s.note([...]Level{nbd.Info: Info, nbd.Warning: Warning, nbd.Failure: Failure}[l], format, args...)
}

// poke asks for a Snapshot now.
func (s *Session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Verbs. None of them blocks: what they did shows in the Snapshot.

// Pause closes the gate. The state is Pausing until what is in flight has finished, then Paused.
func (s *Session) Pause() { s.gate.Shut() }

// Resume opens the gate, and cancels a drain.
func (s *Session) Resume() { s.gate.Resume() }

// Disconnect ends one client: softly, so that what it has in flight is finished and answered, or by force. An unknown
// id is no error: the client may just have left.
func (s *Session) Disconnect(id uint64, force bool) { s.server.Disconnect(id, force) }

// Changed has a value when there is a new Snapshot or the child printed something.
func (s *Session) Changed() <-chan struct{} { return s.changed }

// gateChanged turns the gate's changes into events. The gate is locked meanwhile.
func (s *Session) gateChanged(now block.GateStatus) {
	switch now.State {
	case block.Pausing:
		s.tellState(Pausing)
		s.info("pausing: %d in flight", now.InFlight)
	case block.Paused:
		s.tellState(Paused)
		s.info("paused: P after %v", now.Took.Round(time.Millisecond))
	case block.Running:
		s.tellState(Running)
		if now.Before == block.Pausing {
			s.info("pause cancelled")
		} else {
			s.info("resumed after %v", now.Took.Round(time.Millisecond))
		}
	}
}

func (s *Session) tellState(st State) {
	if s.cfg.State != nil {
		s.cfg.State(st)
	}
}
