package nbd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair is a server's end of a Unix socket and its client's.
func pair(t *testing.T) (server, client net.Conn) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		client.Close()
	})
	return server, client
}

// steadyPair is a steady socket and its client's.
func steadyPair(t *testing.T) (*steady, net.Conn) {
	server, client := pair(t)
	before := steadies.Load()
	n, _ := steadied(server)
	s, ok := n.(*steady)
	if !ok {
		t.Fatalf("a Unix socket became a %T", n)
	}
	t.Cleanup(func() {
		s.Close()
		if after := steadies.Load(); after != before {
			t.Errorf("%d steady sockets where %d were", after, before)
		}
	})
	return s, client
}

func TestOnlySomeSocketsAreSteady(t *testing.T) {
	steadies.Add(steadyMost)
	defer steadies.Add(-steadyMost)
	server, _ := pair(t)
	if n, flags := steadied(server); n != server || flags != unix.MSG_DONTWAIT {
		t.Errorf("one more became a %T, with flags %#x", n, flags)
	}
	if n := steadies.Load(); n != steadyMost {
		t.Errorf("%d steady sockets, want %d", n, steadyMost)
	}
}

// Where there is no descriptor for the poller a call goes on waiting in the kernel.
func TestASteadySocketWithoutADescriptorToSpare(t *testing.T) {
	s, client := steadyPair(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 0, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	var b [1]byte
	s.SetReadDeadline(time.Now().Add(3 * steadyTime))
	if _, err := s.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing comes: %v", err)
	}
	s.SetReadDeadline(time.Time{})
	got := make(chan error, 1)
	go func() { // ends with the client's byte
		_, err := s.Read(b[:])
		got <- err
	}()
	client.Write([]byte{7})
	if err := <-got; err != nil || b[0] != 7 {
		t.Errorf("read %d, %v", b[0], err)
	}
}

// parked waits until a call waits in the poller.
func parked(t *testing.T, s *steady, w *waiter) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		s.mu.Lock()
		there := w.parked != nil
		s.mu.Unlock()
		if there {
			return
		}
	}
	t.Fatal("nobody waits in the poller")
}

// A call that waits, in the kernel or in the poller, ends with the socket and with its deadline.
func TestASteadySocketsWaitEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*steady)
		want error
	}{
		"closed":   {func(s *steady) { s.Close() }, net.ErrClosed},
		"deadline": {func(s *steady) { s.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"shut":     {func(s *steady) { s.CloseRead() }, io.EOF},
	} {
		for _, where := range []string{"kernel", "poller", "crowd"} {
			s, _ := steadyPair(t)
			gone := func() {}
			if where == "crowd" {
				gone = crowding()
			}
			got := make(chan error, 1)
			go func() { // ends with the wait that is tested
				_, err := s.Read(make([]byte, 1))
				got <- err
			}()
			if where != "kernel" {
				parked(t, s, &s.reading)
			}
			c.end(s)
			if err := <-got; !errors.Is(err, c.want) {
				t.Errorf("%s, in the %s: %v", name, where, err)
			}
			gone()
		}
	}
}

// What is sent to a client that pauses arrives whole, and so does what it sends after a pause.
func TestASteadySocketAfterAPause(t *testing.T) {
	s, client := steadyPair(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	sent := make(chan error, 1)
	go func() { // ends when the client has read everything
		_, err := s.Write(large)
		sent <- err
	}()
	parked(t, s, &s.writing)
	got := make([]byte, len(large))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, large) {
		t.Errorf("what was sent did not arrive (%v)", err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	asked := make(chan byte, 1)
	go func() { // ends with the client's byte
		var b [1]byte
		s.Read(b[:])
		asked <- b[0]
	}()
	parked(t, s, &s.reading)
	client.Write([]byte{7})
	if b := <-asked; b != 7 {
		t.Errorf("read %d", b)
	}
}
