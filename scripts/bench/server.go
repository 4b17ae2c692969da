package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

const (
	startTime = 10 * time.Second // for a server to listen
	stopTime  = 10 * time.Second // for a server or a client to end when it is asked to
)

// process is a running server.
type process struct {
	place
	uri    string
	cmd    *exec.Cmd
	daemon int           // where the program has become one; else 0
	said   bytes.Buffer  // its standard error; whole once ended is closed
	cancel func()        // asks it to end, and kills it after stopTime
	ended  chan struct{} // closed behind its end
	tasks  sync.WaitGroup
}

// start runs the server and waits until it listens; nil where it has not what the scene needs. With a dashboard its
// output is a terminal of 120x40. around is put before its command line. stop must be called.
func (s server) start(ctx context.Context, at place, around ...string) (*process, error) {
	for _, left := range []string{at.socket, at.pidFile()} { // nbdkit and nbd-server leave theirs behind
		if err := os.RemoveAll(left); err != nil {
			return nil, err
		}
	}
	args, err := s.args(at)
	if args == nil || err != nil {
		return nil, err
	}
	if at.ordinary {
		args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args...)
	}
	args = append(around, args...)
	p := &process{place: at, uri: at.uri(s.export), ended: make(chan struct{})}
	ctx, p.cancel = context.WithCancel(ctx)
	p.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	p.cmd.Stderr = &p.said
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopTime
	if err := p.launch(at.dashboard && s.name == servers[0].name); err != nil {
		p.cancel()
		return nil, err
	}
	p.tasks.Go(func() {
		defer close(p.ended)
		p.cmd.Wait()
	})
	if s.export == nbdServerExport {
		p.daemon, err = at.daemon(ctx)
	}
	if err == nil {
		err = p.await(ctx)
	}
	if err != nil {
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

// await waits until the server greets a client and has nothing left to do for it: nbd-server listens long before it has
// what it needs to serve.
func (p *process) await(ctx context.Context) error {
	network, address := "unix", p.socket
	if p.tcp {
		network, address = "tcp", "127.0.0.1:"+p.port
	}
	ended := p.ended
	if p.daemon != 0 {
		ended = nil // who started it ends at once
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(startTime)
	for {
		if greets(network, address) {
			return p.alone(ctx)
		}
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("it has ended")
		case <-deadline:
			return fmt.Errorf("it does not listen")
		}
	}
}

// greets connects and waits for the server's first word.
func greets(network, address string) bool {
	c, err := net.Dial(network, address)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(startTime))
	_, err = io.ReadFull(c, make([]byte, len("NBDMAGIC")))
	return err == nil
}

func (p *process) pid() int {
	if p.daemon != 0 {
		return p.daemon
	}
	return p.cmd.Process.Pid
}

// stop ends the server and waits for its end.
func (p *process) stop() {
	if p.daemon != 0 {
		endDaemon(p.daemon)
	}
	p.cancel()
	p.tasks.Wait()
}

// freePort is a TCP port of the loopback that nobody listens at.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
