package filters

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// exiting is the end of a process: that one, even if another gets its number.
func exiting(pid int) (event, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return event{}, err
	}
	return observed(fd, "process")
}

// closing is the end of a pipe. What it holds is not ours to change, so we ask by an epoll descriptor, which is: it can
// be read when the pipe has ended, and not when there is something in it.
func closing(pipe int) (event, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return event{}, err
	}
	if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, pipe, &unix.EpollEvent{Fd: int32(pipe)}); err != nil {
		unix.Close(fd)
		return event{}, err
	}
	return observed(fd, "pipe")
}

// observed is the event that fd can be read; fd is closed with its file.
func observed(fd int, name string) (event, error) {
	if err := unix.SetNonblock(fd, true); err != nil { // so that waiting for it takes no thread
		unix.Close(fd)
		return event{}, err
	}
	f := os.NewFile(uintptr(fd), name)
	return event{file: f, happened: func(context.Context) bool { return isReadable(f) }}, nil
}

// isReadable reports whether f can be read now; one that was closed cannot.
func isReadable(f *os.File) (yes bool) {
	if c, err := f.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) { yes = polled(int(fd), unix.POLLIN) })
	}
	return yes
}
