package filters

import (
	"context"
	"strings"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/program"
)

// script is a text for /bin/sh that the user gave.
type script string

// outputMax is how much of what a script prints is told.
const outputMax = 4096

// run runs the script with variables NAME=value, waits for its end, and returns its exit status. What it prints goes
// where h says, or the first of it is returned. When ctx ends it and all that it started are killed, when the server
// stops they are asked to end, and the error is ErrShutdown.
func (s script) run(ctx context.Context, h *block.Host, variables []string) (status int, output string, err error) {
	out := program.Head{Max: outputMax}
	c := program.Command{Argv: []string{"/bin/sh", "-c", string(s)}, Env: variables, Stdout: h.Stdout, Stderr: h.Stderr}
	if !h.Stopped() { // what comes later is told of the end
		c.Ask = h.Stopping
	}
	if h.Stderr == nil {
		c.Stdout, c.Stderr = &out, &out
	}
	status, err = c.Run(ctx)
	if ctx.Err() != nil || h.Stopped() && status == -int(syscall.SIGTERM) {
		return 0, "", block.ErrShutdown
	}
	return status, strings.TrimRight(out.String(), "\n"), err
}
