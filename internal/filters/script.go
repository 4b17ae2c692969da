package filters

import (
	"context"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/program"
)

// script is a text for /bin/sh that the user gave.
type script string

// outputMax is how much of what a script prints is told.
const outputMax = 4096

// run runs the script with variables NAME=value, waits for its end, and returns its exit status and the first of what
// it printed. When ctx ends it and all that it started are killed, and the error is ErrShutdown.
func (s script) run(ctx context.Context, variables []string) (status int, output string, err error) {
	out := program.Head{Max: outputMax}
	status, err = program.Command{
		Argv: []string{"/bin/sh", "-c", string(s)}, Env: variables, Stdout: &out, Stderr: &out,
	}.Run(ctx)
	if ctx.Err() != nil {
		return 0, "", block.ErrShutdown
	}
	return status, strings.TrimRight(out.String(), "\n"), err
}
