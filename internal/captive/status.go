package captive

import (
	"fmt"
	"os"
	"syscall"
)

// Status is how the child ended.
type Status struct {
	Code   int            // its exit code, where Signal is 0
	Signal syscall.Signal // what killed it, or 0
}

// ExitCode is the status as a shell tells it: the code, or 128 and the signal.
func (s Status) ExitCode() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

func (s Status) String() string {
	if s.Signal != 0 {
		return fmt.Sprintf("killed by signal %d (%v)", int(s.Signal), s.Signal)
	}
	return fmt.Sprintf("exited %d", s.Code)
}

// statusOf is how the process ended; nil is one that could not be waited for.
func statusOf(p *os.ProcessState) Status {
	if p == nil {
		return Status{Code: 1}
	}
	if w := p.Sys().(syscall.WaitStatus); w.Signaled() {
		return Status{Signal: w.Signal()}
	}
	return Status{Code: p.ExitCode()}
}
