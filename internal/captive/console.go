package captive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// After the shell's end its output is read until it ends, or none came for quiet, or for at most linger: what was left
// in the background may hold the terminal for ever.
const (
	quiet  = 200 * time.Millisecond
	linger = 500 * time.Millisecond
)

// console is the child's terminal at work: output is read as fast as it comes, kept in the backlog, and shown as fast
// as it can be; input goes its own way. Nothing here waits for anything else to move, so no child can stop us.
type console struct {
	master   *os.File
	terminal *terminal
	backlog  *backlog
	input    *input
	changed  chan struct{} // the screen has changed
	heard    chan struct{} // something was read
	eof      chan struct{} // nothing can be read any more
	closing  chan struct{}
	sizing   sync.Mutex // keeps both sizes the same
	once     sync.Once
	tasks    sync.WaitGroup
}

func newConsole(master *os.File, cfg Config) *console {
	width, height := clampSize(cfg.Width, cfg.Height)
	c := &console{
		master:  master,
		backlog: newBacklog(cfg.Wait),
		input:   newInput(),
		changed: make(chan struct{}, 1),
		heard:   make(chan struct{}, 1),
		eof:     make(chan struct{}),
		closing: make(chan struct{}),
	}
	c.terminal = newTerminal(width, height, func(p []byte) { c.input.put(p, maxAnswer) })
	c.terminal.run = cfg.Run
	c.tasks.Go(c.read)
	c.tasks.Go(c.show)
	c.tasks.Go(func() { c.input.writeTo(master, c.closing) })
	return c
}

// read drains the terminal.
func (c *console) read() {
	defer close(c.eof)
	buf := make([]byte, 32<<10)
	for {
		n, err := c.master.Read(buf)
		if n > 0 {
			c.backlog.put(buf[:n], c.closing)
			poke(c.heard)
		}
		if err != nil {
			return
		}
	}
}

// show feeds the backlog to the emulator, and charges it for the time that took.
func (c *console) show() {
	var text decoder
	buf := make([]byte, 4<<10)
	for {
		piece := c.backlog.take(buf)
		switch {
		case piece.data != nil:
			start := time.Now()
			if piece.skipped {
				text = decoder{}
				c.terminal.skip(piece.modes)
			}
			c.terminal.feed(text.decode(piece.data))
			c.backlog.charge(len(piece.data), time.Since(start))
			poke(c.changed)
			continue
		case piece.calm && c.terminal.calm():
			poke(c.changed)
		}
		var timer <-chan time.Time
		if piece.wait > 0 {
			timer = time.After(piece.wait)
		}
		select {
		case <-c.closing:
			return
		case <-c.backlog.more:
		case <-timer:
		}
	}
}

// settle waits until what the child printed before its end has been read and shown.
func (c *console) settle() {
	shown := c.backlog.rush()
	limit, calm := time.NewTimer(linger), time.NewTimer(quiet)
	defer limit.Stop()
	defer calm.Stop()
	for open := true; open; {
		select {
		case <-c.heard:
			calm.Reset(quiet)
		case <-calm.C:
			open = false
		case <-limit.C:
			open = false
		case <-c.eof:
			open = false
		}
	}
	c.backlog.last()
	select {
	case <-shown:
	case <-c.closing:
	}
}

// resize changes the emulator first: what the child prints after its SIGWINCH is for the new size.
func (c *console) resize(width, height int) {
	c.sizing.Lock()
	defer c.sizing.Unlock()
	c.terminal.resize(width, height)
	setSize(c.master, width, height) // fails only once it is closed, and then it does not matter
	poke(c.changed)
}

// close hangs up, and waits until nothing of the console runs any more.
func (c *console) close() error {
	var err error
	c.once.Do(func() {
		close(c.closing)
		err = c.master.Close()
	})
	c.tasks.Wait()
	c.terminal.close()
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("close the terminal: %w", err)
	}
	return nil
}
