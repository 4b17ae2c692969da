package filters

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "exitwhen",
		Summary: "end the session when something happens and no client is left",
		Help: `When one of the events has happened no more clients are let in, and when the last has left the session ends. The
parameters may be repeated, and one event is enough. An event that has happened before the start ends the program at
once and well: its exit status is 0, and --run is not run.

    nbdtui --filter=exitwhen memory 1G exit-when-file-created=/tmp/stop

Events are looked for when a client comes, when the last one has left, and every exit-when-poll= seconds while there is
none; on Linux the end of a process or pipe is seen at once. A script is run by /bin/sh each time: 88 is the event, 0
is none, and any other exit status is told and is none either.

It does not disconnect anybody: clients that are there may stay. It does not read from the pipe, does not notice a file
that comes and goes between two looks, and does not signal the command of --run: that is waited for.`,
		Prompt: true,
		New:    func() block.Builder { return &exitwhenBuilder{poll: time.Minute} },
	})
}

type exitwhenBuilder struct {
	poll    time.Duration
	created []string
	deleted []string
	pipes   []uint64
	pids    []uint64
	scripts []script
}

func (b *exitwhenBuilder) Table() param.Table {
	add := func(to *[]string) func(string) error {
		return func(value string) error {
			var path string
			err := setPath(&path)(value)
			*to = append(*to, path)
			return err
		}
	}
	count := func(to *[]uint64, least uint64) func(string) error {
		return func(value string) error {
			var n uint64
			err := param.Uint(&n, math.MaxInt32)(value)
			if err == nil && n < least {
				err = fmt.Errorf("out of range: at least %d", least)
			}
			*to = append(*to, n)
			return err
		}
	}
	run := func(value string) error {
		b.scripts = append(b.scripts, script(value))
		return nil
	}
	return param.Table{Params: []param.Param{
		{Name: "exit-when-file-created", Kind: "PATH", Help: "this file can be read", Set: add(&b.created)},
		{Name: "exit-when-file-deleted", Kind: "PATH", Help: "this file cannot be read", Set: add(&b.deleted)},
		{Name: "exit-when-pipe-closed", Kind: "FD", Help: "who writes to this pipe has closed it", Set: count(&b.pipes, 0)},
		{Name: "exit-when-fd-closed", Kind: "FD", Help: "the same", Set: count(&b.pipes, 0)},
		{Name: "exit-when-process-exits", Kind: "PID", Help: "this process has ended", Set: count(&b.pids, 1)},
		{Name: "exit-when-pid-exits", Kind: "PID", Help: "the same", Set: count(&b.pids, 1)},
		{Name: "exit-when-script", Kind: "SCRIPT", Help: "this exits with status 88", Set: run},
		{Name: "exit-when-poll", Kind: "TIME", Default: "60", Help: "how often to look while there is no client", Set: setPositive(&b.poll)},
	}}
}

func (b *exitwhenBuilder) Build(h block.Host) (_ block.Layer, err error) {
	l := &exitwhenLayer{host: h, poll: b.poll, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	for _, path := range b.created {
		l.add(event{text: path + " was created", happened: func(context.Context) bool { return readable(path) }})
	}
	for _, path := range b.deleted {
		l.add(event{text: path + " was deleted", happened: func(context.Context) bool { return !readable(path) }})
	}
	for _, fd := range b.pipes {
		e, err := closing(int(fd))
		if err != nil {
			return nil, fmt.Errorf("wait for the end of pipe %d: %w", fd, err)
		}
		unix.CloseOnExec(int(fd)) // ours alone: a command that had it too is no reader
		e.text = fmt.Sprintf("the pipe %d was closed", fd)
		l.add(e)
	}
	for _, pid := range b.pids {
		e, err := exiting(int(pid))
		if err != nil {
			return nil, fmt.Errorf("wait for the end of process %d: %w", pid, err)
		}
		e.text = fmt.Sprintf("the process %d has ended", pid)
		l.add(e)
	}
	for _, s := range b.scripts {
		l.add(event{text: "the script says so", happened: func(ctx context.Context) bool { return l.ask(ctx, s) }})
	}
	return l, nil
}

func readable(path string) bool { return unix.Access(path, unix.R_OK) == nil }

// event is something that ends the session.
type event struct {
	text     string
	happened func(context.Context) bool
	file     *os.File // can be read when it has happened; nil where one has to look
}

type exitwhenLayer struct {
	host   block.Host
	poll   time.Duration
	events []event

	clients atomic.Int64  // that have the export open, or are opening it
	over    atomic.Bool   // an event has happened
	turn    chan struct{} // holds a value while somebody looks
	wake    chan struct{} // holds a value when the watch should look now

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

func (l *exitwhenLayer) add(e event) { l.events = append(l.events, e) }

// Start ends a session whose event has happened already; else it watches for one.
func (l *exitwhenLayer) Start() error {
	if l.look(l.ctx) {
		return fmt.Errorf("an event of exitwhen has happened: %w", block.ErrShutdown)
	}
	if len(l.events) == 0 {
		return nil
	}
	l.tasks.Go(l.watch)
	for _, e := range l.events {
		if e.file != nil {
			l.tasks.Go(func() { awaitReadable(e.file); l.poke() })
		}
	}
	return nil
}

// watch looks for an event while there is no client, and ends the session.
func (l *exitwhenLayer) watch() {
	tick := time.NewTicker(l.poll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.wake:
		case <-l.ctx.Done():
			return
		}
		if l.clients.Load() == 0 && l.look(l.ctx) {
			l.host.Shutdown()
			return
		}
	}
}

// poke has the watch look now.
func (l *exitwhenLayer) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// look reports whether an event has happened, and remembers it. One looks at a time; when ctx ends first nothing has.
func (l *exitwhenLayer) look(ctx context.Context) bool {
	if l.over.Load() {
		return true
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-l.turn }()
	for _, e := range l.events {
		if l.over.Load() {
			return true
		}
		if e.happened(ctx) {
			l.over.Store(true)
			l.host.Note("exitwhen: %s", e.text)
			return true
		}
	}
	return false
}

// happens is the exit status of a script that says that its event has happened.
const happens = 88

func (l *exitwhenLayer) ask(ctx context.Context, s script) bool {
	status, output, err := s.run(ctx, &l.host, nil)
	switch {
	case err == block.ErrShutdown: // who asked is gone
	case err != nil:
		l.host.Event("exitwhen: run the script: %v", err)
	case status == happens:
		return true
	case status != 0:
		l.host.Event("exitwhen: the script exited with status %d%s", status, colon(output))
	}
	return false
}

// colon puts one before what there is to say.
func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// Admit lets nobody in when an event has happened.
func (l *exitwhenLayer) Admit(ctx context.Context, _ block.Peer) error {
	if !l.look(ctx) {
		return nil
	}
	l.poke()
	return fmt.Errorf("the session is about to end: %w", syscall.ESHUTDOWN)
}

func (l *exitwhenLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	l.clients.Add(1)
	next, err := below(ctx, o)
	if err != nil {
		l.leave()
		return nil, err
	}
	return &exitwhenClient{next, l}, nil
}

// leave counts a client out.
func (l *exitwhenLayer) leave() {
	if l.clients.Add(-1) == 0 {
		l.poke()
	}
}

// Close ends the watch, and a script that runs.
func (l *exitwhenLayer) Close() error {
	l.cancel()
	var errs []error
	for _, e := range l.events {
		if e.file != nil {
			errs = append(errs, e.file.Close())
		}
	}
	l.tasks.Wait()
	return errors.Join(errs...)
}

// exitwhenClient is one client's view.
type exitwhenClient struct {
	*block.Door
	layer *exitwhenLayer
}

func (h *exitwhenClient) Close(ctx context.Context) error {
	defer h.layer.leave()
	return h.Door.Close(ctx)
}

// awaitReadable waits until f can be read, or is closed.
func awaitReadable(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		c.Read(func(fd uintptr) bool { return polled(int(fd), unix.POLLIN) })
	}
}

// polled reports whether one of events, or an end or error, is there now.
func polled(fd int, events int16) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}
