package filters

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
)

// script is a text for /bin/sh that the user gave.
type script string

// outputMax is how much of what a script prints is told.
const outputMax = 4096

// run runs the script with variables NAME=value, waits for its end, and returns its exit status and the first of what
// it printed. When ctx ends it and all that it started are killed, and the error is ErrShutdown.
func (s script) run(ctx context.Context, variables []string) (status int, output string, err error) {
	var out head
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", string(s))
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for what it left in the background with our pipe
	err = cmd.Run()
	if ctx.Err() != nil {
		return 0, "", block.ErrShutdown
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status, err = exit.ExitCode(), nil
	} else if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return status, strings.TrimRight(string(out), "\n"), err
}

// head keeps the beginning of what is written.
type head []byte

func (h *head) Write(b []byte) (int, error) {
	*h = append(*h, b[:min(len(b), outputMax-len(*h))]...)
	return len(b), nil
}
