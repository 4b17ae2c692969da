package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/param"
)

// startedBy is the parent, asked for as early as can be.
var startedBy = os.Getppid()

// watchParent returns a channel that is closed when the parent has ended. Not by PR_SET_PDEATHSIG: that is tied to one
// thread here and to one there, and is lost with a change of user. A descriptor of the parent's process is not, and
// one that was opened before the parent was still found to be ours cannot be another process's.
func watchParent() (gone <-chan struct{}, err error) {
	if startedBy == 0 {
		return nil, param.WithHint(errors.New("--exit-with-parent: the parent is outside of this PID namespace"),
			"leave the option out: the container's end is this process's too")
	}
	ended := make(chan struct{})
	fd, err := unix.PidfdOpen(startedBy, 0)
	if err != nil && err != unix.ESRCH {
		return nil, fmt.Errorf("--exit-with-parent: watch process %d: %w", startedBy, err)
	}
	if err == unix.ESRCH || os.Getppid() != startedBy {
		close(ended)
		return ended, nil
	}
	go func() { // ends with the parent or with the program
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
			if err != unix.EINTR {
				close(ended)
				return
			}
		}
	}()
	return ended, nil
}
