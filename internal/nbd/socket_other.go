//go:build !linux

package nbd

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
)

// sendBuffer is what a Unix socket should take without waiting for the client; the system clips it.
const sendBuffer = 4 << 20

func raiseSendBuffer(raw syscall.RawConn) {
	raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer) })
}

// steadied leaves every connection to Go's poller.
func steadied(n net.Conn) (net.Conn, int) { return n, 0 }

// busyPoll looks once.
type busyPoll struct{}

func (*busyPoll) receive(fd int, p []byte, _ int) (int, error) { return unix.Read(fd, p) }

// attendance is not taken.
type attendance struct{}

func (attendance) note(int64) {}

// peer knows the address only: how a process is asked for differs from system to system.
func (s socket) peer() block.Peer { return block.Peer{Addr: s.RemoteAddr()} }

// spare is not known.
func spare() bool { return true }
