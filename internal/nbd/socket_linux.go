package nbd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
)

// sendBuffer is what a Unix socket should take without waiting for the client: its default is less than one reply of
// nbdcopy's. Only the privileged get more than net.core.wmem_max.
const sendBuffer = 4 << 20

func raiseSendBuffer(raw syscall.RawConn) {
	raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
		}
	})
}

// receive is recv(2) without a copy of the address.
func receive(fd int, p []byte, flags int) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// peer asks the kernel who is at the other end.
func (s socket) peer() block.Peer {
	p := block.Peer{Addr: s.RemoteAddr()}
	if !s.unix || s.raw == nil {
		return p
	}
	s.raw.Control(func(fd uintptr) {
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p.Known, p.Pid, p.Uid, p.Gid = true, int(who.Pid), int(who.Uid), int(who.Gid)
		}
		p.Label, _ = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_PEERSEC)
	})
	return p
}
