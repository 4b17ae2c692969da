package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// server is a program that serves a file on a Unix socket.
type server struct {
	name string
	args func(socket, file string) []string
}

// servers are what is compared; the first one is ours. Clients may open several connections to each.
var servers = []server{
	{"nbdtui", func(socket, file string) []string {
		return []string{"bin/nbdtui", "-U", socket, "file", file}
	}},
	{"nbdkit", func(socket, file string) []string {
		return []string{"nbdkit", "-f", "-U", socket, "file", file}
	}},
	{"qemu-nbd", func(socket, file string) []string {
		return []string{"qemu-nbd", "--persistent", "--shared=16", "--format=raw", "--socket=" + socket, file}
	}},
}

const (
	startTime = 10 * time.Second // for a server to listen
	stopTime  = 10 * time.Second // for a server or a client to end when it is asked to
)

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	socket string
	said   bytes.Buffer  // its standard error; whole once ended is closed
	cancel func()        // asks it to end, and kills it after stopTime
	ended  chan struct{} // closed behind its end
	tasks  sync.WaitGroup
}

// start runs the server and waits until it listens. With onTerminal its output is a terminal of 120x40, on which
// nbdtui shows the dashboard. stop must be called.
func (s server) start(ctx context.Context, dir, file string, onTerminal bool) (*process, error) {
	p := &process{socket: filepath.Join(dir, "socket"), ended: make(chan struct{})}
	if err := os.RemoveAll(p.socket); err != nil { // nbdkit leaves its own behind
		return nil, err
	}
	ctx, p.cancel = context.WithCancel(ctx)
	args := s.args(p.socket, file)
	p.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	p.cmd.Stderr = &p.said
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopTime
	if err := p.launch(onTerminal && s.name == servers[0].name); err != nil {
		p.cancel()
		return nil, err
	}
	p.tasks.Go(func() {
		defer close(p.ended)
		p.cmd.Wait()
	})
	if err := p.await(); err != nil {
		p.stop()
		return nil, fmt.Errorf("%v: %w: %s", args, err, p.said.Bytes())
	}
	return p, nil
}

func (p *process) launch(onTerminal bool) error {
	if !onTerminal {
		return p.cmd.Start()
	}
	p.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	master, err := pty.StartWithSize(p.cmd, &pty.Winsize{Cols: 120, Rows: 40})
	if err != nil {
		return err
	}
	p.tasks.Go(func() {
		defer master.Close()
		io.Copy(io.Discard, master) // until the last one has closed the other side
	})
	return nil
}

// await waits until somebody answers at the socket.
func (p *process) await() error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(startTime)
	for {
		if c, err := net.Dial("unix", p.socket); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("it has ended")
		case <-deadline:
			return fmt.Errorf("it does not listen")
		}
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) uri() string { return "nbd+unix:///?socket=" + p.socket }

// stop ends the server and waits for its end.
func (p *process) stop() {
	p.cancel()
	p.tasks.Wait()
}
