package main

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/session"
)

// begin starts the program and returns when it has written its pid file: clients can come then.
func begin(t *testing.T, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer, pid string) {
	t.Helper()
	pid = filepath.Join(t.TempDir(), "pid")
	cmd, stdout, stderr = command(t, append([]string{"-P", pid}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := pids(t, pid, 1); got[0] != cmd.Process.Pid {
		t.Errorf("the pid file says %d, and it is %d", got[0], cmd.Process.Pid)
	}
	return cmd, stdout, stderr, pid
}

func TestErrorsGoWhereTheyAreSent(t *testing.T) {
	fail := errors.New("bad")
	var syslog bytes.Buffer
	works := func() (io.Writer, error) { return &syslog, nil }
	broken := func() (io.Writer, error) { return nil, fail }
	for _, c := range []struct {
		where      string
		background bool
		dial       func() (io.Writer, error)
		err        error
		stderr, to string
	}{
		{"", false, broken, nil, "nbdtui: error: x\nnbdtui: hint: y\n", ""},
		{"stderr", true, broken, nil, "nbdtui: error: x\nnbdtui: hint: y\n", ""},
		{"syslog", false, works, nil, "", "error: x\nhint: y\n"},
		{"", true, works, nil, "", "error: x\nhint: y\n"},
		{"", true, broken, nil, "", ""},
		{"null", true, works, nil, "", ""},
		{"syslog", true, broken, fail, "nbdtui: error: x\nnbdtui: hint: y\n", ""},
	} {
		syslog.Reset()
		var stderr bytes.Buffer
		m := newMessages(&stderr)
		if err := m.direct(c.where, c.background, c.dial); !errors.Is(err, c.err) {
			t.Errorf("%+v: %v", c, err)
		}
		m.fail(param.WithHint(errors.New("x"), "y"))
		m.event(session.Event{Level: session.Info, Text: "z"})
		if stderr.String() != c.stderr || syslog.String() != c.to {
			t.Errorf("%+v: stderr %q, syslog %q", c, &stderr, &syslog)
		}
	}
}

// nbdkit waits for a byte before it heeds a signal; this does not.
func TestASignalEndsAnIdleOnlyClient(t *testing.T) {
	cmd, _, stderr := command(t, "-s", "memory", "1M")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 18)); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	cmd.Process.Signal(syscall.SIGTERM)
	io.Copy(io.Discard, out)
	cmd.Wait()
	if status(cmd) != 0 || stderr.Len() > 0 || time.Since(started) > 4*time.Second {
		t.Errorf("status %d after %v, stderr %q", status(cmd), time.Since(started), stderr)
	}
}

// A thread of the parent that ends is not the parent's end.
func TestAThreadsEndIsNotTheParents(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	cmd, _, stderr := command(t, "--exit-with-parent", "-P", pid, "-U", "-", "memory", "1M")
	started := make(chan error)
	ended := make(chan struct{})
	go startFromThread(cmd, started, ended)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	<-ended
	pids(t, pid, 1)
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Errorf("it is gone: %v", err)
	}
	if cmd.Wait(); status(cmd) != 0 || stderr.Len() > 0 {
		t.Errorf("status %d, %s", status(cmd), stderr)
	}
}

// Where the limit is not infinite, and may not be made so, --swap says so; else all is locked.
func TestSwapLocksAllMemory(t *testing.T) {
	r := quiet(t, "--swap", "memory", "1M", "--run", `grep VmLck /proc/$PPID/status`)
	if r.code == 1 && strings.Contains(r.stderr, "--swap needs an unlimited memlock") && r.stdout == "" {
		return
	}
	if r.code != 0 || strings.Contains(r.stdout, "\t       0 kB") {
		t.Errorf("%+v", r)
	}
}

// With SELinux the label is refused, without it the option.
func TestSELinuxLabel(t *testing.T) {
	if r := quiet(t, "--selinux-label=no label at all", "memory", "1M", "--run", "echo ran"); r.code != 1 || r.stdout != "" ||
		!strings.Contains(r.stderr, "--selinux-label") {
		t.Errorf("%+v", r)
	}
}

// startFromThread starts the program from a thread that ends then.
func startFromThread(cmd *exec.Cmd, started chan<- error, ended chan<- struct{}) {
	defer close(ended)
	runtime.LockOSThread() // not unlocked, so that the thread ends with the goroutine
	started <- cmd.Start()
}
