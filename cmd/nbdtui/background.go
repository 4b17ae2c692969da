package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Go program cannot fork. So --background starts the program again, with the same words, in a session of its own;
// the first process waits until clients can come to the second, and its exit status says whether they can.

// backgroundVariable makes the program the second process; its descriptor 3 is then the pipe to the first.
const backgroundVariable = "NBDTUI_BACKGROUND"

// detach starts the second process and waits until it is ready or has failed, which it has said itself then.
func detach(args []string) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 1, fmt.Errorf("find the program's own file: %w", err)
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return 1, fmt.Errorf("make a pipe to the background process: %w", err)
	}
	defer ready.Close()
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), backgroundVariable+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr // until it is ready
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	theirs.Close()
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

// waiting is the pipe to the process that waits for this one to be ready; nil where none does.
func waiting() *os.File {
	if os.Getenv(backgroundVariable) == "" {
		return nil
	}
	os.Unsetenv(backgroundVariable)
	unix.CloseOnExec(3)
	return os.NewFile(3, "the waiting process")
}

// release lets go of what the waiting process has in common with this one, and tells it to go.
func release(pipe *os.File, keepErrors bool) error {
	if err := silence(1); err != nil {
		return fmt.Errorf("let go of standard output: %w", err)
	}
	if !keepErrors {
		if err := silence(2); err != nil {
			return fmt.Errorf("let go of standard error: %w", err)
		}
	}
	defer pipe.Close()
	if _, err := pipe.Write([]byte{1}); err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	return nil
}
