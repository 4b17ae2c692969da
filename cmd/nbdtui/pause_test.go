package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// awaitSocket waits until something listens, without a sleep of its own: a dial that is refused is tried again.
func awaitSocket(t *testing.T, path string) {
	t.Helper()
	dial(t, path).Close()
}

// dial connects to a Unix socket as soon as there is one.
func dial(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.SetDeadline(deadline)
			return c.(*net.UnixConn)
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing listens: %v", err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// ask sends commands to the pause socket and returns the answer to each.
func ask(t *testing.T, c net.Conn, commands string, answers int) string {
	t.Helper()
	if _, err := c.Write([]byte(commands)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, answers)
	for n := 0; n < answers; {
		m, err := c.Read(b[n:])
		if err != nil {
			t.Fatalf("after %q: %v", b[:n], err)
		}
		n += m
	}
	return string(b)
}

// The pause filter's own example: a copy hangs between P and R, and is whole at the end.
func TestThePauseSocketHoldsACopy(t *testing.T) {
	peer(t, "qemu-img")
	source := image(t, 64)
	dir := t.TempDir()
	control, out := filepath.Join(dir, "sock"), filepath.Join(dir, "out")
	cmd, _, stderr := command(t, "--filter=pause", "--filter=rate", "file", source, "rate=100M",
		"pause-control="+control, "--run", `qemu-img convert -p "$nbd" `+out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := dial(t, control)
	defer c.Close()
	grown(t, out, 1<<20)
	if got := ask(t, c, "p", 1); got != "P" {
		t.Fatalf("p was answered %q", got)
	}
	// The reply to what was in flight may still be on its way; after that nothing may change until r.
	still := stillness(t, out)
	if got := ask(t, c, "p \n\tp", 2); got != "PP" {
		t.Errorf("p again was answered %q", got)
	}
	if again := stillness(t, out); !bytes.Equal(still, again) {
		t.Error("the copy went on while paused")
	}
	if got := ask(t, c, "x", 1); got != "X" {
		t.Errorf("x was answered %q", got)
	}
	if got := ask(t, c, "r", 1); got != "R" {
		t.Errorf("r was answered %q", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	same(t, source, out)
	if _, err := os.Lstat(control); !os.IsNotExist(err) {
		t.Error("the pause socket is still there")
	}
}

// grown waits until a file holds more than so many bytes of data.
func grown(t *testing.T, path string, bytes int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var s syscall.Stat_t
		if syscall.Stat(path, &s) == nil && s.Blocks*512 > bytes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never grows", path)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// stillness waits until a file has not changed for a while, and returns what is in it.
func stillness(t *testing.T, path string) []byte {
	t.Helper()
	var last []byte
	same := 0
	for deadline := time.Now().Add(patience); same < 5; {
		if time.Now().After(deadline) {
			t.Fatalf("%s never stops growing", path)
		}
		<-time.After(50 * time.Millisecond)
		now, err := os.ReadFile(path)
		if err == nil && bytes.Equal(now, last) {
			same++
		} else {
			same = 0
		}
		last = now
	}
	return last
}

// same compares two files.
func same(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Errorf("%s and %s differ", a, b)
	}
}
