package main

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// startedBy is the parent, asked for as early as can be.
var startedBy = os.Getppid()

// Of sys/procctl.h and sys/wait.h.
const (
	procPdeathsigCtl = 11
	idtypePid        = 0
)

// watchParent has TERM sent to this process when the parent ends (procctl(2)), which ends the session. The channel is
// closed at once where the parent has ended already, else never.
func watchParent() (gone <-chan struct{}, err error) {
	signal := int32(unix.SIGTERM)
	_, _, errno := unix.Syscall6(unix.SYS_PROCCTL, idtypePid, 0, procPdeathsigCtl, uintptr(unsafe.Pointer(&signal)), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("--exit-with-parent: %w", errno)
	}
	ended := make(chan struct{})
	if os.Getppid() != startedBy {
		close(ended)
	}
	return ended, nil
}
