package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/session"
)

// A Go program cannot fork. So --background binds the sockets and starts the program again, with the same words, in a
// session of its own; the first process waits until clients can come to the second, and its exit status says whether
// they can.

// backgroundVariable makes the program the second process, and says how many sockets it has. They are its descriptors
// behind the pipe to the first process.
const (
	backgroundVariable = "NBDTUI_BACKGROUND"
	pipeDescriptor     = 3
)

// detach starts the second process and waits until it is ready or has failed, which it has said itself then.
func (o *options) detach(args []string) (code int, err error) {
	bound, err := o.listen.Bind()
	if err != nil {
		return 1, err
	}
	defer func() {
		if code != 0 {
			bound.Close()
		}
	}()
	sockets, err := bound.Files()
	if err != nil {
		return 1, err
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return 1, fmt.Errorf("make a pipe to the background process: %w", err)
	}
	defer ready.Close()
	cmd, err := again(args, append([]*os.File{theirs}, sockets...))
	for _, f := range append(sockets, theirs) {
		f.Close()
	}
	if err != nil {
		return 1, fmt.Errorf("start the background process: %w", err)
	}
	if n, _ := ready.Read(make([]byte, 1)); n == 1 {
		return 0, cmd.Process.Release()
	}
	if err := cmd.Wait(); err == nil {
		return 1, errors.New("the background process ended before clients could come")
	}
	return max(cmd.ProcessState.ExitCode(), 1), nil
}

// again starts the program once more, with files from descriptor 3 on.
func again(args []string, files []*os.File) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", backgroundVariable, len(files)-1))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr // until it is ready
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Start()
}

// takeOver takes what the process that waits for this one has handed over; the pipe is nil where none waits.
func (o *options) takeOver() (pipe *os.File, err error) {
	text := os.Getenv(backgroundVariable)
	os.Unsetenv(backgroundVariable)
	if !o.background || text == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s=%s is no number of sockets", backgroundVariable, text)
	}
	unix.CloseOnExec(pipeDescriptor)
	o.listen.Handed, err = session.Inherited(pipeDescriptor+1, n)
	return os.NewFile(pipeDescriptor, "the waiting process"), err
}

// release lets go of what the waiting process has in common with this one and of the working directory, and tells the
// former to go.
func release(pipe *os.File, keepErrors bool) error {
	if err := silence(0); err != nil {
		return fmt.Errorf("let go of standard input: %w", err)
	}
	if err := silence(1); err != nil {
		return fmt.Errorf("let go of standard output: %w", err)
	}
	if !keepErrors {
		if err := silence(2); err != nil {
			return fmt.Errorf("let go of standard error: %w", err)
		}
	}
	if err := os.Chdir("/"); err != nil { // else the directory's file system could not be unmounted
		return err
	}
	defer pipe.Close()
	if _, err := pipe.Write([]byte{1}); err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	return nil
}
