// Package clienttest starts other people's NBD servers for tests of what speaks to them.
package clienttest

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Need fails the test where a program that it compares with is missing: under CI always, elsewhere it is skipped.
func Need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing", program)
	}
	t.Skipf("%s is missing", program)
}

// Nbdkit starts nbdkit with these arguments and returns the URI of its default export.
func Nbdkit(t testing.TB, args ...string) string {
	t.Helper()
	return serve(t, "", append([]string{"nbdkit", "-f"}, args...))
}

// QemuNbd starts qemu-nbd with these arguments, for four clients, and returns the URI of the export "disk".
func QemuNbd(t testing.TB, args ...string) string {
	t.Helper()
	return serve(t, "disk", append([]string{"qemu-nbd", "-t", "-e", "4", "-x", "disk"}, args...))
}

// serve hands a bound socket to the server, so that nobody need wait for it. The server ends with the test.
func serve(t testing.TB, export string, command []string) string {
	t.Helper()
	Need(t, command[0])
	dir, err := os.MkdirTemp("", "nt") // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	// sd_listen_fds(3): the variable holds the number of the process that shall take the socket.
	cmd := exec.Command("sh", append([]string{"-c", `export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"`, "sh"}, command...)...)
	cmd.ExtraFiles = []*os.File{f}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	l.Close()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%v said: %s", command, said.Bytes())
		}
	})
	return "nbd+unix:///" + export + "?socket=" + url.PathEscape(path)
}
