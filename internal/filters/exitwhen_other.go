//go:build !linux

package filters

import (
	"context"

	"golang.org/x/sys/unix"
)

// exiting is the end of a process, or of another that got its number meanwhile: there is nothing better to hold.
func exiting(pid int) (event, error) {
	alive := func() error { return unix.Kill(pid, 0) }
	if err := alive(); err == unix.ESRCH {
		return event{}, err
	}
	return event{happened: func(context.Context) bool { return alive() == unix.ESRCH }}, nil
}

// closing is the end of a pipe.
func closing(pipe int) (event, error) {
	if _, err := unix.FcntlInt(uintptr(pipe), unix.F_GETFD, 0); err != nil {
		return event{}, err
	}
	return event{happened: func(context.Context) bool { return polled(pipe, 0) }}, nil
}
