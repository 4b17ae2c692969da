package session

import (
	"fmt"
	"os"
	"time"

	"example.com/nbdtui/internal/captive"
)

// The captive, and what a dashboard does with its terminal.

// startChild starts the captive; w and h are of its terminal.
func (s *Session) startChild(w, h int) {
	done := s.childDone
	env := s.variables().Environ(os.Environ())
	run := s.childInfo.Load().Run + 1
	c, err := captive.Start(captive.Config{
		Command: s.cfg.Run, Run: run, Env: env,
		Pty: s.cfg.Terminal, Width: w, Height: h, Wait: s.cfg.OutputWait,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		s.childErr = fmt.Errorf("run the command: %w", err)
		s.warn("%v", s.childErr)
		close(done)
		return
	}
	info := Child{Command: s.cfg.Run, Pid: c.Pid(), Started: time.Now(), Run: run}
	s.childInfo.Store(&info)
	s.child.Store(c)
	s.info("child started, pid %d", c.Pid())
	s.tasks.Go(func() {
		<-c.Done()
		ended := info
		ended.Ended, ended.Status = time.Now(), c.Status()
		s.childInfo.Store(&ended)
		s.info("child %v", ended.Status)
		s.poke()
		close(done)
	})
}

// Resize gives the child's terminal its size; the first call starts the child.
func (s *Session) Resize(w, h int) {
	if s.cfg.Run == "" || !s.cfg.Terminal {
		return
	}
	s.terminal.set(w, h)
	s.startOnce.Do(func() {
		if phase := State(s.phase.Load()); phase < Stopping {
			s.startChild(w, h)
		}
	})
	if c := s.child.Load(); c != nil {
		c.Resize(w, h)
	}
}

// Type sends keys to the child as they are.
func (s *Session) Type(p []byte) {
	if c := s.child.Load(); c != nil {
		c.Write(p)
	}
}

// Screen is what the child's terminal shows.
func (s *Session) Screen() captive.Screen {
	if c := s.child.Load(); c != nil {
		return c.Screen()
	}
	return captive.Screen{}
}

// Page is up to n lines of the child's output from a number on, or from the oldest that is kept.
func (s *Session) Page(from uint64, n int) captive.Page {
	if c := s.child.Load(); c != nil {
		return c.Page(from, n)
	}
	return captive.Page{}
}

// Tail is the last max lines of the child's output, or all that is kept where max is negative.
func (s *Session) Tail(max int) []string {
	if c := s.child.Load(); c != nil {
		return c.Tail(max)
	}
	return nil
}
