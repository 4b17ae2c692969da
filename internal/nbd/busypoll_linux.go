package nbd

import (
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
)

// busyPoll has the reader of a steady socket look for more again and again, for a while, before it sleeps. A client that
// waits for one reply before it asks for the next is back so soon that to sleep and to be woken takes longer. Everybody
// else may run between two looks, and where they were in vain there are few. Only the connection's reader uses it.
type busyPoll struct{ luck int }

const (
	// pollTime is how long it looks: twice what a client on another processor takes to be woken and to ask.
	pollTime = int64(40 * time.Microsecond)

	pollLuck  = 8  // successes that it remembers
	pollLoss  = 3  // successes that a failure outweighs
	pollEvery = 64 // without luck it looks at one wait of so many
)

// awake are the readers of steady sockets that do not sleep.
var awake atomic.Int64

// receive is receive, of what is there or will be soon. In a crowd it does not wait.
func (p *busyPoll) receive(fd int, b []byte, flags int) (int, error) {
	if crowded() {
		flags |= unix.MSG_DONTWAIT
	}
	if flags&unix.MSG_DONTWAIT != 0 {
		return receive(fd, b, flags)
	}
	if p.worthwhile() {
		if n, err := p.look(fd, b); err != unix.EAGAIN {
			return n, err
		}
	}
	awake.Add(-1)
	defer awake.Add(1)
	return receive(fd, b, flags)
}

// worthwhile reports whether to look. Who looks leaves half of the processors to those that work.
func (p *busyPoll) worthwhile() bool {
	if p.luck < 0 {
		p.luck++
		return false
	}
	return awake.Load() <= halfProcessors && busyClients() <= processors
}

// look returns EAGAIN where nothing has come for pollTime. Its calls do not wait, so the scheduler need not know of them.
func (p *busyPoll) look(fd int, b []byte) (int, error) {
	for end := int64(0); ; {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			if end != 0 {
				p.luck = min(p.luck+1, pollLuck)
			}
			return int(n), nil
		}
		now := block.Clock()
		switch {
		case errno != unix.EAGAIN:
			return 0, errno
		case end == 0:
			end = now + pollTime
		case now >= end:
			if p.luck -= pollLoss; p.luck < 0 {
				p.luck = -pollEvery
			}
			return 0, unix.EAGAIN
		}
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}
