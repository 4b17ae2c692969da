package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// activated prepares the program as a service manager starts it: with listening sockets from descriptor 3 on. pid is
// what LISTEN_PID says; empty for the right one.
func activated(t *testing.T, pid, fds string, sockets []*os.File, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	if pid == "" {
		pid = "$$"
	}
	script := fmt.Sprintf(`LISTEN_PID=%s LISTEN_FDS=%s LISTEN_FDNAMES=main:spare; export LISTEN_PID LISTEN_FDS LISTEN_FDNAMES; exec "$@"`, pid, fds)
	cmd, stdout, stderr := command(t, args...)
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", script, "sh", program}, args...)
	cmd.ExtraFiles = sockets
	return cmd, stdout, stderr
}

// bound makes a listening socket for somebody else.
func bound(t *testing.T, network, address string) (f *os.File, addr net.Addr) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	if f, err = l.(interface{ File() (*os.File, error) }).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, l.Addr()
}

func TestSocketsFromTheServiceManager(t *testing.T) {
	peer(t, "nbdinfo")
	path := filepath.Join(t.TempDir(), "s")
	unix, _ := bound(t, "unix", path)
	tcp, addr := bound(t, "tcp", "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(addr.String())
	cmd, stdout, stderr := activated(t, "", "2", []*os.File{unix, tcp}, "-v", "--print-uri", "memory", "1M")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	uris := []string{"nbd+unix://?socket=" + path, "nbd://localhost:" + port}
	for _, uri := range uris {
		out, err := exec.Command("nbdinfo", "--size", uri).CombinedOutput()
		if err != nil || string(out) != "1048576\n" {
			t.Errorf("%s: %v, %s", uri, err, out)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if status(cmd) != 0 || stdout.String() != strings.Join(uris, "\n")+"\n" {
		t.Errorf("status %d, stdout %q", status(cmd), stdout)
	}
	for i, name := range []string{"main", "spare"} {
		if want := fmt.Sprintf("listening at %s (%s)\n", uris[i], name); !strings.Contains(stderr.String(), want) {
			t.Errorf("%q is not said in:\n%s", want, stderr)
		}
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the service manager's socket is gone: %v", err)
	}
}

func TestSocketsThatCannotBeTaken(t *testing.T) {
	socket, _ := bound(t, "tcp", "127.0.0.1:0")
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	udp, err := packets.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		fds     string
		sockets []*os.File
		option  string
		says    string
	}{
		{"0", nil, "-v", "1 to 16 sockets"},
		{"17", []*os.File{socket}, "-v", "1 to 16 sockets"},
		{"-1", []*os.File{socket}, "-v", "1 to 16 sockets"},
		{"2", []*os.File{socket}, "-v", "descriptor 4"},
		{"1", []*os.File{udp}, "-v", "descriptor 3"},
		{"1", []*os.File{null}, "-v", "descriptor 3"},
		{"1", []*os.File{socket}, "--ipaddr=::1", "-i and socket activation exclude"},
		{"1", []*os.File{socket}, "-p1", "-p and socket activation exclude"},
		{"1", []*os.File{socket}, "-s", "-s and socket activation exclude"},
		{"1", []*os.File{socket}, "-U-", "-U and socket activation exclude"},
		{"1", []*os.File{socket}, "--run=echo", "--run and socket activation exclude"},
		{"1", []*os.File{socket}, "--background", "--background and socket activation exclude"},
	} {
		cmd, stdout, stderr := activated(t, "", c.fds, c.sockets, c.option, "memory", "1M")
		cmd.Run()
		if status(cmd) != 1 || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "nbdtui: error: ") || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("LISTEN_FDS=%s %s: status %d, stdout %q, stderr %q", c.fds, c.option, status(cmd), stdout, stderr)
		}
	}
}

// What is for another process is left alone; what nobody understands is said. No child is told of either.
func TestSocketsThatAreNotForUs(t *testing.T) {
	socket, _ := bound(t, "tcp", "127.0.0.1:0")
	for _, c := range []struct{ pid, fds, stdout, stderr string }{
		{"1", "1", "[][]\n", ""},
		{"x", "1", "[][]\n", "nbdtui: warning: LISTEN_PID=x is no process id: sockets from outside are left alone\n"},
		{"", "x", "[][]\n", "nbdtui: warning: LISTEN_FDS=x is no number: sockets from outside are left alone\n"},
		{"7", "", "[][]\n", ""},
	} {
		cmd, stdout, stderr := activated(t, c.pid, c.fds, []*os.File{socket}, "memory", "1M", "--run", `echo "[$LISTEN_PID][$LISTEN_FDS]"`)
		cmd.Run()
		if status(cmd) != 0 || stdout.String() != c.stdout || stderr.String() != c.stderr {
			t.Errorf("%+v: status %d, stdout %q, stderr %q", c, status(cmd), stdout, stderr)
		}
	}
}

// A service manager is told when clients can come, of pauses, and of the end.
func TestTheServiceManagerIsTold(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd, _, _ := command(t, "-U", filepath.Join(dir, "s"), "--filter=pause", "memory", "1M", "pause-control="+filepath.Join(dir, "c"))
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := func(want string) {
		t.Helper()
		deadline, _ := t.Deadline()
		l.SetReadDeadline(deadline)
		b := make([]byte, 1000)
		for {
			n, err := l.Read(b)
			if err != nil {
				t.Fatalf("never told %q: %v", want, err)
			}
			if string(b[:n]) == want {
				return
			}
			if !strings.Contains(string(b[:n]), "pausing") { // that one may be told or not
				t.Errorf("told %q, want %q", b[:n], want)
			}
		}
	}
	told("READY=1\nSTATUS=serving")
	c := dial(t, filepath.Join(dir, "c"))
	defer c.Close()
	ask(t, c, "p", 1)
	told("STATUS=paused")
	ask(t, c, "r", 1)
	told("STATUS=serving")
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	b := make([]byte, 1000)
	n, err := l.Read(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "STOPPING=1\nSTATUS=") || status(cmd) != 0 {
		t.Errorf("at the end: %q, %v, status %d", b[:n], err, status(cmd))
	}
}
