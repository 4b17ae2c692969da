package nbd

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Serve takes connections from l, which it closes in the end. It returns nil when the listener was closed; what passes,
// a want of descriptors or memory or a connection that broke while it waited, is waited out.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.listen(l) {
		return nil
	}
	var wait time.Duration
	for {
		n, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			s.start(n)
		case errors.Is(err, net.ErrClosed):
			return nil
		case !passes(err):
			return fmt.Errorf("accept: %w", err)
		default:
			if wait == 0 {
				s.cfg.Event(Warning, "accept: %v; trying again", err)
			}
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(wait):
			case <-s.stopped:
				return nil
			}
		}
	}
}

// passes reports an error that is not the listener's: accept(2) also hands over those of a connection or its network.
func passes(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.ETIMEDOUT,
		syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// start registers a connection, then serves it.
func (s *Server) start(n net.Conn) {
	if c := s.add(n); c != nil {
		go c.serve() // ends with Server.remove, which Shutdown waits for
	} else {
		n.Close()
	}
}

// ServeConn serves one connection, and returns when it has ended.
func (s *Server) ServeConn(n net.Conn) {
	if c := s.add(n); c != nil {
		c.serve()
	} else {
		n.Close()
	}
}

// listen registers l, unless accepting has ended.
func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopped:
		return false
	default:
	}
	s.listeners[l] = struct{}{}
	return true
}

// StopAccepting closes the listeners, so that Serve returns. Clients that are connected stay.
func (s *Server) StopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopped:
		return
	default:
	}
	close(s.stopped)
	for l := range s.listeners {
		l.Close()
	}
}
