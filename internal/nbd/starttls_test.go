package nbd_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
)

// wired counts what comes in, and lets several writes go out as one.
type wired struct {
	net.Conn
	got  atomic.Int64
	held []byte
	hold bool
}

func (w *wired) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.got.Add(int64(n))
	return n, err
}

func (w *wired) Write(p []byte) (int, error) {
	if w.hold {
		w.held = append(w.held, p...)
		return len(p), nil
	}
	return w.Conn.Write(p)
}

// Requests that come together are answered together, though TLS reads them one by one: each record has 22 bytes of
// its own.
func TestRepliesTravelInOneRecord(t *testing.T) {
	h := newHouse(t)
	c := h.haggler("unix")
	c.option(5)
	c.wants(ack)
	w := &wired{Conn: c.Conn}
	c.Conn = wrap(t, false)(w)
	c.goes("")
	const many = 50
	w.hold = true
	for i := range many {
		c.request(uint64(i), ask{cmd: 0, n: 64})
		c.request(uint64(i), write(0, 64, 0))
	}
	w.hold = false
	w.got.Store(0)
	w.Conn.Write(w.held)
	for i := range many {
		if e, cookie, _ := c.simple(64); e != 0 || cookie != uint64(i) {
			t.Fatalf("error %d for %d", e, cookie)
		}
		c.simple(0)
	}
	if n, least := w.got.Load(), int64(many*(16+64+16)); n < least || n > least+10*22 {
		t.Errorf("%d bytes for %d of replies", n, least)
	}
}

// A record may end anywhere, and its pieces may come one by one.
func TestRecordsInPieces(t *testing.T) {
	h := newHouse(t)
	want := h.fill()
	for _, size := range []int{1, 7, 4096, 20_000} {
		c := h.haggler("unix")
		c.option(5)
		c.wants(ack)
		w := &wired{Conn: c.Conn}
		s := wrap(t, false)(w)
		c.Conn = s
		c.goes("")
		w.hold = true
		c.send(ask{cmd: 0, off: 4000, n: 300_001}.bytes(1), write(1, 100_000, 0).bytes(2)[:28], want[1:100_001], ask{cmd: 3}.bytes(3))
		w.hold = false
		for b := w.held; len(b) > 0; b = b[min(size, len(b)):] {
			w.Conn.Write(b[:min(size, len(b))])
		}
		if _, _, b := c.simple(300_001); !bytes.Equal(b, want[4000:304_001]) {
			t.Fatal("the read differs")
		}
		for range 2 {
			if e, _, _ := c.simple(0); e != 0 {
				t.Fatalf("error %d", e)
			}
		}
	}
	if !bytes.Equal(h.disk.bytes(), want) {
		t.Error("the disk differs")
	}
}

// pair is the client's certificate of a directory, or of the common one.
func pair(t testing.TB, dir string) []tls.Certificate {
	t.Helper()
	common, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	if dir == "" {
		dir = common
	}
	p, err := tls.LoadX509KeyPair(dir+"/client-cert.pem", dir+"/client-key.pem")
	if err != nil {
		t.Fatal(err)
	}
	return []tls.Certificate{p}
}
