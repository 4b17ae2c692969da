package nbd

import (
	"syscall"
	"time"
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

// spliceTime is how long a splice may wait for the client, and its thread with it. There are no more of these than pipes.
const spliceTime = 10 * time.Millisecond

// sendRoom is how much the socket takes at once, in bytes.
func (s socket) sendRoom() (n int) {
	most := unix.NsecToTimeval(int64(spliceTime))
	s.raw.Control(func(fd uintptr) {
		unix.SetsockoptTimeval(int(fd), unix.SOL_SOCKET, unix.SO_SNDTIMEO, &most)
		n, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
	})
	return n
}

// receive reads what is there. It never waits, though the socket may be one that does: see sender.patient.
func receive(fd int, p []byte) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
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
