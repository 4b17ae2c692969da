package filters

import (
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// visit opens and closes the export; entered says whether transmission begins.
func visit(t *testing.T, s *blocktest.Stack, entered bool, ended *atomic.Int64) (leave func()) {
	t.Helper()
	in := make(chan struct{})
	if entered {
		close(in)
	}
	d, err := s.Try(t.Context(), block.OpenRequest{Peer: block.Peer{Addr: &net.UnixAddr{}}, Entered: in, Shutdown: func() { ended.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestExitlast(t *testing.T) {
	ended := new(atomic.Int64)
	s := over(t, "exitlast")
	s.Open(t, block.OpenRequest{}) // the session's own look stays open: it holds the session up, as a client would
	one := visit(t, s, true, ended)
	one()
	if ended.Load() != 0 {
		t.Error("ended while somebody was there")
	}

	s = over(t, "exitlast")
	visit(t, s, false, ended)() // nobody has come yet who stayed
	if d, err := s.Try(t.Context(), block.OpenRequest{}); err != nil || d.Close(t.Context()) != nil {
		t.Error(err)
	}
	one, two := visit(t, s, true, ended), visit(t, s, true, ended)
	asks := visit(t, s, false, ended)
	one()
	two()
	if ended.Load() != 0 {
		t.Error("ended while somebody was there")
	}
	asks()
	if ended.Load() != 1 {
		t.Errorf("ended %d times, want once", ended.Load())
	}
}

// One that could not open the export is no client.
func TestExitlastCountsWhoCameIn(t *testing.T) {
	l := &exitlastLayer{}
	ended := false
	if _, err := l.Open(t.Context(), block.OpenRequest{Shutdown: func() { ended = true }}, failing); err == nil || ended || l.open != 0 {
		t.Errorf("%v; ended: %v, %d are open", err, ended, l.open)
	}
}

func TestExitlastGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := new(atomic.Int64)
		s := over(t, "exitlast", "exitlast-grace=2")
		visit(t, s, true, ended)()
		time.Sleep(1900 * time.Millisecond)
		leave := visit(t, s, false, ended) // even one that only asks holds it up
		time.Sleep(time.Hour)
		leave()
		time.Sleep(1900 * time.Millisecond)
		if ended.Load() != 0 {
			t.Error("the grace was shorter than 2s")
		}
		time.Sleep(200 * time.Millisecond)
		if ended.Load() != 1 {
			t.Errorf("ended %d times after the grace, want once", ended.Load())
		}
		visit(t, s, true, ended)() // closing the layer ends what is left of this one
	})
}
