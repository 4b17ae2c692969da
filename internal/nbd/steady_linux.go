package nbd

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// steadyTime is how long a call may wait in the kernel for a busy client, and its thread with it. One that is quiet
	// for longer waits in Go's poller.
	steadyTime = 10 * time.Millisecond
	// steadyMost bounds those threads, of the process. Go's poller is made for more clients than these.
	steadyMost = 64
)

var steadies atomic.Int64

// steady is a socket that is out of Go's poller while its client is busy. The poller is told of every packet, also of
// those that somebody is reading already: each wakes a thread that finds nothing to do. A call here waits in the kernel
// for up to steadyTime. Where that was not enough the socket goes into the poller for this one time; in a crowd the
// reader leaves it there. Safe for concurrent use, by one reader and one writer.
type steady struct {
	local, remote net.Addr

	mu      sync.Mutex // guards what follows
	fd      int        // in blocking mode
	users   int        // of fd: the last one closes it
	closed  bool
	reading waiter
	writing waiter

	send struct {
		sync.Mutex
		left []byte
		err  error
		try  func(fd uintptr) bool
	}
}

// waiter is what waits for one direction.
type waiter struct {
	deadline time.Time
	parked   *os.File        // the socket in Go's poller; nil while it is out of it
	poll     syscall.RawConn // of parked
}

// steadied makes a connection of the kernel's a steady one, and owns it then; where that cannot be it returns n. Flags
// are those of its system calls.
func steadied(n net.Conn) (_ net.Conn, flags int) {
	switch n.(type) {
	case *net.UnixConn, *net.TCPConn:
	default:
		return n, unix.MSG_DONTWAIT
	}
	if steadies.Add(1) > steadyMost {
		steadies.Add(-1)
		return n, unix.MSG_DONTWAIT
	}
	fd, err := takeOut(n.(syscall.Conn))
	if err != nil {
		steadies.Add(-1)
		return n, unix.MSG_DONTWAIT
	}
	awake.Add(1)
	s := &steady{local: n.LocalAddr(), remote: n.RemoteAddr(), fd: fd, users: 1}
	s.send.try = s.trySend
	n.Close() // out of the poller
	return s, 0
}

// takeOut returns another descriptor of the connection's, whose calls wait for up to steadyTime.
func takeOut(n syscall.Conn) (fd int, err error) {
	raw, err := n.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(old uintptr) {
		wait := unix.NsecToTimeval(int64(steadyTime))
		if err = unix.SetsockoptTimeval(int(old), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
			return
		}
		if err = unix.SetsockoptTimeval(int(old), unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait); err != nil {
			return
		}
		if fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			unix.SetNonblock(fd, false) // fcntl(F_SETFL) of an open descriptor does not fail
		}
	})
	return fd, errors.Join(failed, err)
}

// try calls f with the descriptor until f reports that it is done. Where f has waited for nothing it is called again
// when there is something to do.
func (s *steady) try(w *waiter, f func(fd uintptr) bool) error {
	for {
		if w.parked != nil {
			if crowded() {
				awake.Add(-1)
				defer awake.Add(1)
				return s.fault(w.poll.Read(f))
			}
			s.unpark(w)
		}
		if err := s.enter(w); err != nil {
			return err
		}
		done := f(uintptr(s.fd))
		s.leave()
		if done {
			return nil
		}
		if err := s.park(w); err != nil {
			return err
		}
	}
}

// enter lets nobody close the descriptor until leave.
func (s *steady) enter(w *waiter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if !w.deadline.IsZero() && !time.Now().Before(w.deadline) {
		return os.ErrDeadlineExceeded
	}
	s.users++
	return nil
}

func (s *steady) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		unix.Close(s.fd)
		steadies.Add(-1)
		awake.Add(-1)
	}
}

// park waits in Go's poller. Where no descriptor is to be had for that it returns at once: the next call waits.
func (s *steady) park(w *waiter) error {
	if err := s.enlist(w); err != nil || w.parked == nil {
		return err
	}
	if w == &s.reading {
		awake.Add(-1)
		defer awake.Add(1)
	}
	wait, events := w.poll.Read, int16(unix.POLLIN)
	if w == &s.writing {
		wait, events = w.poll.Write, unix.POLLOUT
	}
	asked := false
	err := wait(func(fd uintptr) bool {
		ready := asked // the poller says so
		if asked = true; !ready {
			n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, 0)
			ready = n > 0
		}
		return ready
	})
	if w == &s.writing || !crowded() {
		s.unpark(w)
	}
	return s.fault(err)
}

// unpark takes the socket out of the poller.
func (s *steady) unpark(w *waiter) {
	s.mu.Lock()
	f := w.parked
	w.parked, w.poll = nil, nil
	s.mu.Unlock()
	f.Close()
}

// fault is the error of a call that the poller made.
func (s *steady) fault(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return net.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded
	}
	return err
}

// enlist puts the socket into the poller. A descriptor has to be in non-blocking mode for that, and one socket's all
// are in the same: who makes a call meanwhile does not wait, and parks.
func (s *steady) enlist(w *waiter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	unix.SetNonblock(fd, true)
	f := os.NewFile(uintptr(fd), "socket")
	unix.SetNonblock(fd, false)
	poll, err := f.SyscallConn()
	if err == nil {
		err = f.SetDeadline(w.deadline)
	}
	if err != nil { // the poller has no room
		f.Close()
		return nil
	}
	w.parked, w.poll = f, poll
	return nil
}

func (s *steady) Read(p []byte) (n int, err error) {
	failed := s.try(&s.reading, func(fd uintptr) bool {
		n, err = receive(int(fd), p, 0)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	switch {
	case failed != nil:
		return 0, failed
	case err == nil && n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, err
}

func (s *steady) Write(p []byte) (int, error) {
	s.send.Lock()
	defer s.send.Unlock()
	s.send.left, s.send.err = p, nil
	err := s.try(&s.writing, s.send.try)
	n := len(p) - len(s.send.left)
	s.send.left = nil
	if err == nil {
		err = s.send.err
	}
	return n, err
}

func (s *steady) trySend(fd uintptr) bool {
	for len(s.send.left) > 0 {
		n, err := unix.SendmsgN(int(fd), s.send.left, nil, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			s.send.left = s.send.left[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			s.send.err = err
			return true
		}
	}
	return true
}

// Close lets no call begin. One that waits ends within steadyTime.
func (s *steady) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.closed = true
	for _, w := range []*waiter{&s.reading, &s.writing} {
		if w.parked != nil {
			w.parked.Close()
		}
	}
	s.mu.Unlock()
	s.leave()
	return nil
}

func (s *steady) CloseRead() error  { return s.shutdown(unix.SHUT_RD) }
func (s *steady) CloseWrite() error { return s.shutdown(unix.SHUT_WR) }

func (s *steady) shutdown(how int) (err error) {
	failed := steadyRaw{s}.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), how) })
	return errors.Join(failed, err)
}

func (s *steady) LocalAddr() net.Addr  { return s.local }
func (s *steady) RemoteAddr() net.Addr { return s.remote }

func (s *steady) SetReadDeadline(t time.Time) error  { return s.set(t, &s.reading) }
func (s *steady) SetWriteDeadline(t time.Time) error { return s.set(t, &s.writing) }
func (s *steady) SetDeadline(t time.Time) error      { return s.set(t, &s.reading, &s.writing) }

func (s *steady) set(t time.Time, waiters ...*waiter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	for _, w := range waiters {
		w.deadline = t
		if w.parked != nil {
			w.parked.SetDeadline(t)
		}
	}
	return nil
}

// SyscallConn has no error.
func (s *steady) SyscallConn() (syscall.RawConn, error) { return steadyRaw{s}, nil }

// steadyRaw is for system calls of one's own.
type steadyRaw struct{ *steady }

func (s steadyRaw) Read(f func(fd uintptr) bool) error  { return s.try(&s.reading, f) }
func (s steadyRaw) Write(f func(fd uintptr) bool) error { return s.try(&s.writing, f) }

func (s steadyRaw) Control(f func(fd uintptr)) error {
	if err := s.enter(&waiter{}); err != nil {
		return err
	}
	defer s.leave()
	f(uintptr(s.fd))
	return nil
}
