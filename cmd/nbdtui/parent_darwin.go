package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// startedBy is the parent, asked for as early as can be.
var startedBy = os.Getppid()

// watchParent returns a channel that is closed when the parent has ended.
func watchParent() (gone <-chan struct{}, err error) {
	queue, err := unix.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("--exit-with-parent: %w", err)
	}
	unix.CloseOnExec(queue)
	ended := make(chan struct{})
	watch := []unix.Kevent_t{{
		Ident: uint64(startedBy), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD | unix.EV_ONESHOT, Fflags: unix.NOTE_EXIT,
	}}
	if _, err = unix.Kevent(queue, watch, nil, nil); err != nil && err != unix.ESRCH {
		return nil, fmt.Errorf("--exit-with-parent: watch process %d: %w", startedBy, err)
	}
	if err == unix.ESRCH || os.Getppid() != startedBy {
		close(ended)
		return ended, nil
	}
	go func() { // ends with the parent or with the program
		for {
			_, err := unix.Kevent(queue, nil, make([]unix.Kevent_t, 1), nil)
			if err != unix.EINTR {
				close(ended)
				return
			}
		}
	}()
	return ended, nil
}
