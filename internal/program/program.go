// Package program runs programs and scripts that a user wrote, and ends them with who waits for them. It knows neither
// what they are for nor what their exit status means.
package program

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Command is one run of a program.
type Command struct {
	Argv   []string  // the program's path, and its arguments
	Env    []string  // NAME=value, beside the process's own
	Stdin  *Feed     // nil for nothing to read
	Stdout io.Writer // nil throws it away; where Write fails the program is not read any more
	Stderr io.Writer // may be the same as Stdout

	// Ask asks the program and all that it started to end, by TERM, when it is closed; nil for never. Who can finish
	// what it does may: only the end of Run's ctx kills it.
	Ask <-chan struct{}
}

// lingering is how long what a program left in the background may hold its output open.
const lingering = time.Second

// all ends with Stop.
var all, stop = context.WithCancelCause(context.Background())

func init() { all.Done() } // makes its channel now: one that a synctest bubble makes is of no use outside

// ErrStopped is what Run returns once Stop was called.
var ErrStopped = errors.New("interrupted")

// Stop ends every program that runs, and lets no other one start: the process has been told to end before there was
// anything that could end in order.
func Stop() { stop(ErrStopped) }

// Run waits for the program's end and returns its exit status, or the number of the signal that killed it, negative.
// When ctx ends the program and all that it started are killed, and the error is ctx's. When we are killed, so is the
// program. It is also an error where the program cannot be started.
func (c Command) Run(ctx context.Context) (status int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(all, func() { cancel(context.Cause(all)) })()
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	DieWithParent(cmd.SysProcAttr)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = lingering
	if c.Stdin != nil {
		err = c.Stdin.run(cmd, c.wait)
	} else if err = cmd.Start(); err == nil {
		err = c.wait(cmd)
	}
	if err == nil {
		return 0, nil
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if cmd.ProcessState == nil {
		return 0, err
	}
	// It ran. What happened to its output is known to whoever takes it.
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		return -int(s.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// wait waits for the end of a program, and asks for it when that is wished.
func (c Command) wait(cmd *exec.Cmd) error {
	ended := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		select {
		case <-c.Ask:
			syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		case <-ended:
		}
	})
	defer asking.Wait()
	defer close(ended)
	return cmd.Wait()
}

// Feed is what a program reads on its standard input.
type Feed struct {
	Data []byte
	Left int // bytes that it did not read, beyond what a pipe holds
}

// run starts cmd and waits for it. Whether a program that does not care for a few bytes ends before they are written
// must make no difference: the pipe is filled first, and stays open until the program has ended.
func (f *Feed) run(cmd *exec.Cmd, wait func(*exec.Cmd) error) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Stdin = r
	rest := f.Data[fill(w, f.Data):]
	if err := cmd.Start(); err != nil {
		w.Close()
		return err
	}
	fed := make(chan int)
	go func() { // waited for below
		n := 0
		if len(rest) > 0 {
			n, _ = w.Write(rest)
		}
		w.Close()
		fed <- n
	}()
	err = wait(cmd)
	r.Close()
	w.SetWriteDeadline(time.Unix(1, 0)) // what it left in the background may hold the other end
	f.Left = len(rest) - <-fed
	return err
}

// fill writes what a pipe takes without waiting, and returns how much that was.
func fill(w *os.File, data []byte) (n int) {
	raw, err := w.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), data)
		return true
	})
	return max(n, 0)
}

// Argv is how to run the file at path: as it is, or by /bin/sh where it does not say by what, as a shell does.
func Argv(path string) []string {
	f, err := os.Open(path)
	if err != nil { // it may be executable all the same
		return []string{path}
	}
	defer f.Close()
	start := make([]byte, 128)
	n, _ := io.ReadFull(f, start)
	if start = start[:n]; bytes.HasPrefix(start, []byte("#!")) || bytes.IndexByte(start, 0) >= 0 {
		return []string{path}
	}
	return []string{"/bin/sh", path}
}

// Write makes a file that can be run at once. A program that is started meanwhile must not inherit the file while it is
// open: nobody could run it then.
func Write(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o500)
}

// Head keeps the beginning of what is written, up to Max bytes.
type Head struct {
	Max  int
	text []byte
	over bool
}

func (h *Head) Write(b []byte) (int, error) {
	kept := b[:min(len(b), h.Max-len(h.text))]
	h.text = append(h.text, kept...)
	h.over = h.over || len(kept) < len(b)
	return len(b), nil
}

func (h *Head) String() string { return string(h.text) }

// All keeps all that is written, and refuses more than Max bytes.
type All struct{ Head }

var errTooMuch = errors.New("too much output")

func (a *All) Write(b []byte) (int, error) {
	n, _ := a.Head.Write(b)
	if a.over {
		return 0, errTooMuch
	}
	return n, nil
}

// Over reports whether more came than there was room for.
func (a *All) Over() bool { return a.over }

// Exactly takes as many bytes as Into has, and refuses more.
type Exactly struct {
	Into []byte
	N    int // bytes that came, up to one more than there was room for
}

func (e *Exactly) Write(b []byte) (int, error) {
	if e.N > len(e.Into) || len(b) > len(e.Into)-e.N {
		e.N = len(e.Into) + 1
		return 0, errTooMuch
	}
	e.N += copy(e.Into[e.N:], b)
	return len(b), nil
}

// ReadFrom is Write without a buffer between.
func (e *Exactly) ReadFrom(r io.Reader) (n int64, err error) {
	var extra [1]byte
	for {
		to := extra[:]
		if e.N < len(e.Into) {
			to = e.Into[e.N:]
		}
		got, err := r.Read(to)
		e.N, n = e.N+got, n+int64(got)
		switch {
		case e.N > len(e.Into):
			return n, errTooMuch
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
}
