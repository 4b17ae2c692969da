package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/param"
)

// lockMemory keeps this process out of swap, now and later: a disk that is swap space must not wait for itself. Memory
// that cannot be locked cannot be had any more, which ends a Go program; so there may be no limit.
func lockMemory() error {
	unlimited := &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, unlimited); err != nil {
		var now unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &now); err != nil || now.Cur != unix.RLIM_INFINITY {
			return param.WithHint(errors.New("--swap needs an unlimited memlock"),
				"ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit file")
		}
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE); err != nil {
		return fmt.Errorf("--swap: lock the memory: %w", err)
	}
	return nil
}
