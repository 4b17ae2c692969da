package nbd

import (
	"net"
	"syscall"
	"time"
)

// socket is a client's connection, and where the kernel has it the means for system calls of our own.
type socket struct {
	net.Conn
	raw       syscall.RawConn // nil where the connection is none of the kernel's: TLS, a pipe in tests
	unix, tcp bool
	flags     int // of every recvmsg and sendmsg: they wait for a while where the socket is a steady one
}

func newSocket(n net.Conn) socket {
	s := socket{}
	switch n := n.(type) {
	case *net.TCPConn:
		s.tcp = true
		n.SetNoDelay(true)
		n.SetKeepAliveConfig(keepAlive)
	case *net.UnixConn:
		s.unix = true
	}
	s.Conn, s.flags = steadied(n)
	if k, ok := s.Conn.(syscall.Conn); ok {
		s.raw, _ = k.SyscallConn()
	}
	if s.unix && s.raw != nil {
		raiseSendBuffer(s.raw)
	}
	return s
}

// hangUp closes the connection. Closing one in which something waits unread resets it, and on TCP the reset may
// overtake the last replies; so TCP is half-closed first, and what still comes is thrown away until the client closes.
// A Unix socket takes no more when we say so: what was sent until then is thrown away, and the client finds the end.
func (c *conn) hangUp() {
	if c.secured != nil {
		c.secured.CloseWrite() // waits 5 s at most
	}
	n, _ := c.Conn.(interface {
		CloseRead() error
		CloseWrite() error
	})
	switch {
	case c.tcp:
		if n.CloseWrite() == nil {
			c.SetReadDeadline(time.Now().Add(lingerTime))
			c.discardAll()
		}
	case c.unix:
		n.CloseWrite()
		if n.CloseRead() == nil {
			c.SetReadDeadline(time.Time{})
			c.discardAll()
		}
	}
	c.Close()
}

// discardAll reads what the socket holds, below TLS where there is one, until the end or the deadline.
func (c *conn) discardAll() {
	in := &c.in
	if c.secured != nil {
		in = &c.secured.records.in
	}
	for in.discard(1<<20) == nil {
	}
}
