// Package filters is what happens on the way from a client to a plugin and back: one file a filter, each registered
// by its init. Importing the package is all that it takes to have them.
package filters

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/unixsocket"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "pause",
		Summary: "pause and resume requests from a socket",
		Help: `Puts the session's gate in this filter's place and obeys the Unix socket pause-control=. Each byte sent there
is a command and has one byte of answer, in order: p pauses and answers P once every request past the gate has
finished, or R if somebody resumed before that; r resumes and answers R; blanks and newlines are skipped; anything
else answers X. Any number of programs may be connected.

    echo p | nc -N -U sock

It does not flush: add what the guest should do itself. It does not hold handshakes, and what filters in front of it do
is not waited for. A pause outlives the connection that asked for it.`,
		Prompt: true,
		Gate:   true,
		New:    func() block.Builder { return &pauseBuilder{} },
	})
}

type pauseBuilder struct{ path string }

func (b *pauseBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "pause-control", Kind: "SOCKET", Help: "the Unix socket that takes the commands", Need: true, Set: b.setPath},
	}}
}

func (b *pauseBuilder) setPath(value string) (err error) {
	if value == "" {
		return errors.New("the path is empty")
	}
	if b.path, err = filepath.Abs(value); err != nil {
		return err
	}
	return unixsocket.Check(b.path)
}

func (b *pauseBuilder) Build(h block.Host) (block.Layer, error) {
	l := &pauseLayer{Layer: block.GateLayer(), gate: h.Gate, path: b.path, event: h.Event, controls: map[net.Conn]struct{}{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// pauseLayer is the gate's place in the stack, and its handle for programs.
type pauseLayer struct {
	block.Layer
	gate   *block.Gate
	path   string
	event  func(string, ...any)
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	listen net.Listener // nil before Start

	mu       sync.Mutex
	controls map[net.Conn]struct{} // nil once they have been closed
}

// Start binds the socket and takes controllers.
func (l *pauseLayer) Start() error {
	s, err := unixsocket.Listen(l.path)
	if err != nil {
		return err
	}
	l.listen = s
	l.tasks.Go(l.accept)
	return nil
}

// Close removes the socket and ends every controller's connection.
func (l *pauseLayer) Close() error {
	l.cancel()
	var err error
	if l.listen != nil {
		err = l.listen.Close()
	}
	l.mu.Lock()
	for c := range l.controls {
		c.Close()
	}
	l.controls = nil
	l.mu.Unlock()
	l.tasks.Wait()
	return err
}

func (l *pauseLayer) accept() {
	for {
		c, err := l.listen.Accept()
		switch {
		case err == nil:
			if l.add(c) {
				l.tasks.Go(func() { l.serve(c) })
			}
			continue
		case l.ctx.Err() != nil:
			return
		}
		l.event("accept a controller at %s: %v", l.path, err)
		select { // no descriptor is free, most likely: one will be
		case <-time.After(time.Second):
		case <-l.ctx.Done():
			return
		}
	}
}

// add registers a connection for Close, which may have come first.
func (l *pauseLayer) add(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.controls == nil {
		c.Close()
		return false
	}
	l.controls[c] = struct{}{}
	return true
}

// serve obeys one controller, a command at a time, until it has sent its last one and has the answer.
func (l *pauseLayer) serve(c net.Conn) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.controls, c)
		c.Close()
	}()
	commands := make([]byte, 64)
	for {
		n, err := c.Read(commands)
		for _, b := range commands[:n] {
			if b == ' ' || b == '\t' || b == '\n' {
				continue
			}
			answer, err := l.obey(b)
			if err != nil {
				return
			}
			if _, err := c.Write([]byte{answer}); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// obey does one command and says what to answer. An error means that the session is ending, and has no answer.
func (l *pauseLayer) obey(command byte) (answer byte, err error) {
	var state block.GateState
	switch command {
	case 'p':
		if state, err = l.gate.Pause(l.ctx); err != nil {
			return 0, err
		}
	case 'r':
		l.gate.Resume()
		state = l.gate.Status().State
	default:
		return 'X', nil
	}
	switch {
	case state == block.Stopped:
		return 0, fmt.Errorf("obey %c: %w", command, block.ErrShutdown)
	case command == 'p' && state == block.Paused:
		return 'P', nil
	}
	return 'R', nil
}
