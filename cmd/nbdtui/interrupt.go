package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	programs "example.com/nbdtui/internal/program"
)

// endSignals are those that end a session in order.
var endSignals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT}

// settingUp is the time before there is a session that a signal could end. A script that hangs then is ended, so that
// the start fails and takes back what it has done.
type settingUp struct {
	configured, over chan struct{} // closed when the layers have their parameters, and when the session has started or failed
	gone             chan struct{} // closed when nobody waits for signals any more
	once             sync.Once
}

func setUp() *settingUp {
	s := &settingUp{configured: make(chan struct{}), over: make(chan struct{}), gone: make(chan struct{})}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endSignals...)
	go func() { // waited for by end
		defer close(s.gone)
		defer signal.Stop(signals)
		select {
		case sig := <-signals:
			s.interrupt(sig)
		case <-s.over:
		}
	}()
	return s
}

// interrupt is what a signal does. Where there is no program to end the plugin may wait for somebody to type; later a
// layer may wait for a file to open, for good if it is a pipe.
func (s *settingUp) interrupt(sig os.Signal) {
	programs.Stop()
	patience := time.NewTimer(time.Second)
	select {
	case <-s.configured:
		patience.Reset(3 * time.Second)
	case <-s.over:
	case <-patience.C:
		patience.Reset(0)
	}
	select {
	case <-s.over:
	case <-patience.C:
		os.Exit(128 + int(sig.(syscall.Signal)))
	}
}

// end is called when the session has started, or will not; more than once is no error.
func (s *settingUp) end() {
	s.once.Do(func() { close(s.over) })
	<-s.gone
}
