package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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

func TestThePidFile(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	cmd, _, _, pid := begin(t, "-U", socket, "memory", "1M")
	if info, err := os.Stat(pid); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Errorf("there is a pid file, and no client can come: %v", err)
	} else {
		c.Close()
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if _, err := os.Stat(pid); !os.IsNotExist(err) {
		t.Errorf("the pid file is still there")
	}
	// The captive finds it, and one that is somebody else's by then stays.
	if r := quiet(t, "-P", pid, "memory", "1M", "--run", fmt.Sprintf(`test "$(cat %s)" = $PPID && echo 1 >%[1]s`, pid)); r.code != 0 {
		t.Errorf("under a command: %+v", r)
	}
	if b, err := os.ReadFile(pid); string(b) != "1\n" {
		t.Errorf("another's pid file: %q, %v", b, err)
	}
	if r := quiet(t, "-P", filepath.Join(pid, "no"), "memory", "1M", "--run", "echo ran"); r.code != 1 || r.stdout != "" ||
		!strings.Contains(r.stderr, "write the process id") {
		t.Errorf("one that cannot be written: %+v", r)
	}
}

func TestPrintURI(t *testing.T) {
	r := quiet(t, "--print-uri", "-e", "a b", "memory", "1M", "--run", `echo "$uri"`)
	rows := strings.Split(r.stdout, "\n")
	if r.code != 0 || len(rows) != 3 || rows[0] != rows[1] || !strings.HasPrefix(rows[0], "nbd+unix:///a%20b?socket=/") {
		t.Errorf("%+v", r)
	}
}

func TestVerboseGoesToStandardErrorAlone(t *testing.T) {
	for _, log := range []string{"stderr", "null"} {
		r := quiet(t, "-v", "--log="+log, "memory", "1M", "--run", "echo out; exit 3")
		if r.code != 3 || r.stdout != "out\n" {
			t.Errorf("%+v", r)
		}
		for row := range strings.Lines(r.stderr) {
			if !strings.HasPrefix(row, "nbdtui: debug: ") {
				t.Errorf("not a line for debugging: %q", row)
			}
		}
		for _, want := range []string{"nbdtui: debug: nbdtui " + version, "listening at nbd+unix://", "child started", "child exited 3"} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("--log=%s: %q is not said in:\n%s", log, want, r.stderr)
			}
		}
	}
}

func TestErrorsGoWhereTheyAreSent(t *testing.T) {
	if r := quiet(t, "--log=null", "file", "/no/such", "--run", "true"); r.code != 1 || r.stderr != "" {
		t.Errorf("--log=null: %+v", r)
	}
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

// -s with a socket, as libnbd gives one.
func TestOneClientOnASocket(t *testing.T) {
	peer(t, "nbdsh")
	t.Setenv("PATH", "/usr/bin:"+os.Getenv("PATH"))
	out, err := exec.Command("nbdsh", "-c", fmt.Sprintf(`
h.connect_command([%q, "-s", "memory", "1M"])
h.pwrite(b"x" * 512, 512)
assert h.pread(1024, 0) == bytes(512) + b"x" * 512
h.shutdown()
`, program)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// -s with pipes: whatever the client does, the status is 0.
func TestOneClientOnPipes(t *testing.T) {
	greeting := "NBDMAGICIHAVEOPT\x00\x03"
	for name, said := range map[string]string{
		"nothing":         "",
		"a bad handshake": "GET / HTTP/1.1\r\n\r\n",
		"a good one":      "\x00\x00\x00\x03" + "IHAVEOPT\x00\x00\x00\x02\x00\x00\x00\x00",
	} {
		cmd, stdout, stderr := command(t, "-s", "memory", "1M")
		cmd.Stdin = strings.NewReader(said)
		cmd.Run()
		if status(cmd) != 0 || !strings.HasPrefix(stdout.String(), greeting) || stderr.Len() > 0 {
			t.Errorf("%s: status %d, stdout %q, stderr %q", name, status(cmd), stdout, stderr)
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

// With --exit-with-parent a parent that is killed takes everything with it; without, the server stays.
func TestExitWithParent(t *testing.T) {
	dir := t.TempDir()
	pid, child := filepath.Join(dir, "pid"), filepath.Join(dir, "child")
	// Not through command: the shell is killed, and what it started has to go by itself.
	sh := exec.Command("/bin/sh", "-c", `"$@" & wait`, "sh", program, "--exit-with-parent", "-P", pid, "memory", "1M", "--run", lasting(child))
	sh.Env = append(os.Environ(), "TMPDIR="+tempDir(t))
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	server, list := pids(t, pid, 1), pids(t, child, 2)
	sh.Process.Kill()
	sh.Wait()
	gone(t, "the server", server[0])
	gone(t, "the command", list[0])
	if _, err := os.Stat(pid); !os.IsNotExist(err) {
		t.Error("the pid file is still there")
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

func TestAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		if r := quiet(t, "-u", "0", "memory", "1M", "--run", "echo ran"); r.code != 1 || !strings.Contains(r.stderr, "only root") || r.stdout != "" {
			t.Errorf("%+v", r)
		}
		return
	}
	peer(t, "nbdinfo")
	dir, err := os.MkdirTemp("", "nt") // as /tmp is, so that the other user can take its directory away
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, os.ModeSticky|0o777); err != nil {
		t.Fatal(err)
	}
	cmd, stdout, stderr := command(t, "-u", "65534", "-g", "65534", "memory", "1M", "--run", `id -u; id -g; id -G; nbdinfo --size "$nbd"`)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.Run()
	if status(cmd) != 0 || stdout.String() != "65534\n65534\n65534\n1048576\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status(cmd), stdout, stderr)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for option, want := range map[string]string{"-u": `unknown user "no such"`, "-g": `unknown group "no such"`} {
		if r := quiet(t, option, "no such", "memory", "1M", "--run", "echo ran"); r.code != 1 || !strings.Contains(r.stderr, want) || r.stdout != "" {
			t.Errorf("%s: %+v", option, r)
		}
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
