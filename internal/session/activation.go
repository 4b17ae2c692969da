package session

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/mdlayher/vsock"
	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/param"
)

// Socket is a listening socket that somebody else has bound.
type Socket struct {
	net.Listener
	Name string // what the service manager calls it; may be empty
}

const (
	firstActivated = 3 // SD_LISTEN_FDS_START
	maxActivated   = 16
)

// Activated takes the sockets that a service manager has bound for this process, by sd_listen_fds(3): 1 to 16 of TCP,
// Unix or vsock; none where it has not. What it said of them is gone from the environment then: no child of ours is
// meant. odd is what it said and nobody understands; the program can go on without.
func Activated() (sockets []Socket, odd string, err error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for _, v := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(v)
	}
	if pid == "" || count == "" {
		return nil, "", nil
	}
	process, err := strconv.Atoi(pid)
	if err != nil {
		return nil, fmt.Sprintf("LISTEN_PID=%s is no process id: sockets from outside are left alone", pid), nil
	}
	if process != os.Getpid() {
		return nil, "", nil // they were for a parent of ours
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return nil, fmt.Sprintf("LISTEN_FDS=%s is no number: sockets from outside are left alone", count), nil
	}
	if n < 1 || n > maxActivated {
		return nil, "", param.WithHint(fmt.Errorf("LISTEN_FDS=%d: a session takes 1 to %d sockets", n, maxActivated),
			"change the Listen lines of the socket unit")
	}
	for i := range n {
		l, err := inherit(firstActivated + i)
		if err != nil {
			for _, s := range sockets {
				s.Close()
			}
			return nil, "", param.WithHint(fmt.Errorf("take descriptor %d from the service manager: %w", firstActivated+i, err),
				"only listening stream sockets can be served, so Accept=no")
		}
		s := Socket{Listener: l}
		if i < len(names) {
			s.Name = names[i]
		}
		sockets = append(sockets, s)
	}
	return sockets, "", nil
}

// inherit makes a listener of a descriptor, and closes that.
func inherit(fd int) (net.Listener, error) {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return nil, err // not open, or no socket: it may be the runtime's own, and must not be closed
	}
	if listening == 0 {
		return nil, errors.New("the socket does not listen")
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	if l, err := net.FileListener(f); err == nil {
		return l, nil
	}
	return vsock.FileListener(f) // which package net does not know
}

// activated are the listeners of sockets from outside.
func activated(sockets []Socket, export string) (list []*listener) {
	for _, s := range sockets {
		list = append(list, &listener{Listener: s, vars: variables(s.Addr(), export), name: s.Name})
	}
	return list
}
