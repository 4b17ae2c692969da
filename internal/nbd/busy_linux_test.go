package nbd

import (
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
)

// ForgetClients is for tests that begin where others had clients a moment ago.
func ForgetClients() {
	busy.now.Store(0)
	busy.before.Store(0)
}

func BusyClients() int64 { return busyClients() }

// A client is a busy one in the stretch of time in which it asks and in the next.
func TestBusyClients(t *testing.T) {
	t.Cleanup(func() {
		busy.stretch.Store(0)
		ForgetClients()
	})
	at := block.Clock() + int64(time.Hour) // no other connection's clock gets there
	var clients [3]attendance
	for _, c := range []struct {
		later int64 // stretches
		asks  int   // clients
		want  int64
	}{{0, 3, 3}, {0, 3, 3}, {1, 1, 3}, {1, 2, 2}, {5, 1, 1}, {1, 0, 1}, {0, 3, 3}} {
		at += c.later * busyTime
		for i := range c.asks {
			clients[i].note(at)
		}
		if n := busyClients(); n != c.want {
			t.Fatalf("%d busy clients after %+v", n, c)
		}
	}
}

// crowding has it crowded until the function that it returns is called.
func crowding() (end func()) {
	stretch := busy.stretch.Swap(math.MaxInt64) // none begins
	busy.now.Add(crowd + 1)
	return func() {
		busy.now.Add(-crowd - 1)
		busy.stretch.Store(stretch)
	}
}

func (s *steady) parkedFile() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reading.parked
}

// In a crowd a reader stays in the poller from one request to the next, and leaves it when the crowd has gone.
func TestACrowdWaitsInThePoller(t *testing.T) {
	const notEnough = 255
	s, client := steadyPair(t)
	end := crowding()
	defer func() { end() }()
	got, skipped := make(chan byte), make(chan bool)
	go func() { // ends with the socket
		defer close(got)
		var p busyPoll
		b := make([]byte, 1)
		for {
			n := 0
			err := steadyRaw{s}.Read(func(fd uintptr) bool {
				var err error
				n, err = p.receive(int(fd), b, 0)
				if n == 1 && b[0] == notEnough {
					skipped <- true
					return false
				}
				return err != unix.EAGAIN
			})
			if err != nil || n != 1 {
				return
			}
			got <- b[0]
		}
	}()
	parked(t, s, &s.reading)
	first := s.parkedFile()
	for i := range byte(3) {
		client.Write([]byte{notEnough})
		<-skipped
		client.Write([]byte{i})
		if b := <-got; b != i {
			t.Fatalf("read %d, want %d", b, i)
		}
		if s.parkedFile() != first {
			t.Fatal("the socket has left the poller")
		}
	}
	end()
	end = func() {}
	client.Write([]byte{8}) // finds it still there
	client.Write([]byte{9})
	if a, b := <-got, <-got; a != 8 || b != 9 {
		t.Fatalf("read %d, %d", a, b)
	}
	parked(t, s, &s.reading) // anew: nothing came for a while
	if s.parkedFile() == first {
		t.Error("the socket has not left the poller")
	}
	client.Close()
	if b, more := <-got; more {
		t.Errorf("read %d", b)
	}
}
