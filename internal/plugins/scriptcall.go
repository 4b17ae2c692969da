package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"unicode"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/program"
)

// Answers of a script that are no failures by themselves (nbdkit-sh-plugin(3), "Exit codes").
var (
	errMissing = errors.New("the method is missing")
	errFalse   = errors.New("the method says false (exit status 3)")
)

// call is one run of a method.
type call struct {
	method string
	args   []string
	stdin  []byte
	stdout io.Writer          // nil throws it away
	client *block.OpenRequest // who is disconnected where the script asks for it; nil for nobody
}

// call runs a method. What comes is nil, errMissing, errFalse, block.ErrShutdown where ctx has ended, or a failure.
func (s *script) call(ctx context.Context, c call) error {
	argv := s.argv(c.method)
	if argv == nil {
		return errMissing
	}
	said := program.Head{Max: 4096}
	cmd := program.Command{
		Argv:   append(append(argv[:len(argv):len(argv)], c.method), c.args...),
		Env:    []string{"tmpdir=" + s.dir.Path},
		Stdout: c.stdout,
		Stderr: &said,
	}
	switch c.method {
	case "flush", "close", "unload": // are there for the end
	default:
		cmd.Ask = s.host.Stopping
	}
	if c.stdin != nil {
		cmd.Stdin = &program.Feed{Data: c.stdin}
	}
	status, err := cmd.Run(ctx)
	switch {
	case ctx.Err() != nil && err != nil:
		return block.ErrShutdown
	case errors.Is(err, program.ErrStopped):
		return err
	case err != nil:
		err = fmt.Errorf("run %s: %w", argv[len(argv)-1], err)
		if errors.Is(err, fs.ErrNotExist) {
			err = param.WithHint(err, "is it still there, and the program that its first line (#!) names?")
		}
		return err
	case status == 0 && cmd.Stdin != nil && cmd.Stdin.Left > 0:
		return s.failure(argv, c.method, syscall.EIO, "it did not read all of the data")
	case status == -int(syscall.SIGTERM) && s.host.Stopped():
		return block.ErrShutdown
	case status < 0:
		return s.failure(argv, c.method, syscall.EIO, fmt.Sprintf("killed by signal %d", -status))
	}
	return s.judge(status, c, func(otherwise syscall.Errno) error {
		errno, text := complaint(said.String(), otherwise)
		return s.failure(argv, c.method, errno, text)
	})
}

// judge is what an exit status means.
func (s *script) judge(status int, c call, failed func(otherwise syscall.Errno) error) error {
	shutdown, disconnect := s.host.Shutdown, func(bool) {}
	if c.client != nil && c.client.Disconnect != nil {
		disconnect = c.client.Disconnect
	}
	switch status {
	case 0:
		return nil
	case 2:
		return errMissing
	case 3:
		return errFalse
	case 4:
		shutdown()
		return nil
	case 5:
		shutdown()
		return failed(syscall.ESHUTDOWN)
	case 6:
		disconnect(true)
		return failed(syscall.ESHUTDOWN) // which nobody will read
	case 7:
		disconnect(false)
		return nil
	case 8:
		disconnect(false)
		return failed(syscall.ESHUTDOWN)
	}
	return failed(syscall.EIO)
}

// scriptError is a failure that a script told of.
type scriptError struct {
	what  string
	errno syscall.Errno
	text  string
}

func (e *scriptError) Error() string { return fmt.Sprintf("%s: %s (%v)", e.what, e.text, e.errno) }
func (e *scriptError) Unwrap() error { return e.errno }

// garbled is the failure of a method that printed something else than it should.
func garbled(method, format string, args ...any) error {
	return &scriptError{method, syscall.EIO, fmt.Sprintf(format, args...)}
}

func (s *script) failure(argv []string, method string, errno syscall.Errno, text string) error {
	if text == "" {
		text = "it failed without a word on its standard error"
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
	what := method
	if file := argv[len(argv)-1]; !strings.HasPrefix(file, s.dir.Path) {
		what = file + " " + method
	}
	return &scriptError{what, errno, text}
}

// textMax is how much a method may print that prints no data.
const textMax = 64 << 20

// text runs a method and returns what it printed, and whether there is such a method.
func (s *script) text(ctx context.Context, client *block.OpenRequest, method string, args ...string) (text string, there bool, err error) {
	out := program.All{Head: program.Head{Max: textMax}}
	switch err = s.call(ctx, call{method: method, args: args, stdout: &out, client: client}); {
	case err == errMissing:
		return "", false, nil
	case err == nil && out.Over():
		err = garbled(method, "it printed more than %d bytes", textMax)
	}
	if err != nil {
		return "", true, unexpected(method, err)
	}
	return out.String(), true, nil
}

// do runs a method that need not be there.
func (s *script) do(ctx context.Context, client *block.OpenRequest, method string, args ...string) error {
	err := s.call(ctx, call{method: method, args: args, client: client})
	if err == errMissing {
		return nil
	}
	return unexpected(method, err)
}

// unexpected gives an errFalse, where false is no answer, and a missing method the error's number and name.
func unexpected(method string, err error) error {
	switch err {
	case errFalse:
		return &scriptError{method, syscall.EIO, "unexpected exit status 3, which means false"}
	case errMissing:
		return &scriptError{method, syscall.EIO, "the method is required, and missing"}
	}
	return err
}

// is asks a method that says yes or no, and whether there is such a method.
func (s *script) is(ctx context.Context, client *block.OpenRequest, method, handle string) (yes, there bool, err error) {
	switch err = s.call(ctx, call{method: method, args: []string{handle}, client: client}); err {
	case nil:
		return true, true, nil
	case errFalse:
		return false, true, nil
	case errMissing:
		return false, false, nil
	}
	return false, true, err
}
