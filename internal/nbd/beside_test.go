package nbd_test

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

const longWrite = 1 << 20

func writeOf(b byte, off uint64) ask {
	return ask{cmd: 1, off: off, n: longWrite, payload: bytes.Repeat([]byte{b}, longWrite)}
}

func arrives(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(deadline):
		t.Fatal("a request does not reach the disk")
	}
}

// While a long write is being made others are read and served, and a second long one waits for it.
func TestLongWritesAreMadeBesideTheReader(t *testing.T) {
	if runtime.NumCPU() == 1 {
		t.Skip("one processor leaves none to spare")
	}
	h := newHouse(t)
	entered, goOn := make(chan struct{}, 2), make(chan struct{})
	var inside, most atomic.Int64
	h.put(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.Write {
			most.Store(max(most.Load(), inside.Add(1)))
			defer inside.Add(-1)
			entered <- struct{}{}
			<-goOn
		}
		return next.Serve(ctx, r, w)
	})
	c := h.client("unix", false)
	c.request(1, writeOf(1, 0))
	arrives(t, entered)
	c.request(2, writeOf(2, longWrite))
	c.request(3, ask{cmd: 0, off: 4 * longWrite, n: 512})
	if errno, cookie, _ := c.simple(512); errno != 0 || cookie != 3 {
		t.Errorf("reply to %d: %d, want that to the read", cookie, errno)
	}
	close(goOn)
	for want := uint64(1); want <= 2; want++ {
		if errno, cookie, _ := c.simple(0); errno != 0 || cookie != want {
			t.Errorf("reply to %d: %d, want %d", cookie, errno, want)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d long writes at once", most.Load())
	}
	got := h.disk.bytes()[:2*longWrite]
	if want := append(writeOf(1, 0).payload, writeOf(2, 0).payload...); !bytes.Equal(got, want) {
		t.Error("the disk does not hold what was written")
	}
}

// Where a long write has to wait, those behind it are made by as many workers as there are.
func TestLongWritesThatWaitDoNotHoldOneAnother(t *testing.T) {
	const writes = 4
	h := newHouse(t)
	entered, goOn := make(chan struct{}, writes), make(chan struct{})
	h.put(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.Write {
			if r.Flags&block.NoWait != 0 {
				return block.ErrWait
			}
			entered <- struct{}{}
			<-goOn
		}
		return next.Serve(ctx, r, w)
	})
	c := h.client("unix", false)
	for i := range uint64(writes) {
		c.request(i, writeOf(byte(i), i*longWrite))
		arrives(t, entered) // so that the next one is read when it is known that they wait
	}
	close(goOn)
	for range writes {
		if errno, cookie, _ := c.simple(0); errno != 0 {
			t.Errorf("write %d: %d", cookie, errno)
		}
	}
}

// Long writes are held by a pause like all other requests, and counted: those that wait for one that is being made
// beside the reader, and those of a TCP client, which the reader makes.
func TestAPauseHoldsEveryLongWrite(t *testing.T) {
	const writes = 5 // as many as the reader does not wait for
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			h := newHouse(t)
			entered, goOn := make(chan struct{}, writes), make(chan struct{})
			h.put(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
				if r.Cmd == block.Write {
					entered <- struct{}{}
					<-goOn
				}
				return next.Serve(ctx, r, w)
			})
			c := h.client(network, false)
			others := func() {
				for i := range uint64(writes - 1) {
					c.request(i+1, writeOf(byte(i), 0))
				}
			}
			paused := func() bool { return h.gate.Status().State == block.Paused }
			c.request(0, writeOf(0, 0))
			arrives(t, entered)
			if network == "unix" {
				others()
				c.request(writes, ask{cmd: 0, off: 4 * longWrite, n: 512})
				c.simple(512) // all of them have been read
			}
			h.gate.Shut()
			if paused() {
				t.Error("paused while a write is being made")
			}
			goOn <- struct{}{}
			c.simple(0)
			h.eventually("paused", paused)
			if network == "tcp" {
				others()
			}
			h.eventually("all but the first are held", func() bool { return h.server.Clients().Present[0].Held == writes-1 })
			if len(entered) > 0 {
				t.Error("a write is made in the pause")
			}
			h.gate.Resume()
			close(goOn)
			for range writes - 1 {
				if errno, cookie, _ := c.simple(0); errno != 0 {
					t.Errorf("write %d: %d", cookie, errno)
				}
			}
		})
	}
}

// The reader waits for the disk for a client that asks for one thing at a time, until it asks for two.
func TestTheReaderWaitsForALoneRead(t *testing.T) {
	h := newHouse(t)
	entered, goOn := make(chan struct{}, 1), make(chan struct{})
	var cold atomic.Bool
	var byWorkers atomic.Int64
	h.put(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		switch {
		case !cold.Load():
		case r.Flags&block.DiskWait != 0:
			entered <- struct{}{}
			<-goOn
		case r.Flags&block.NoWait != 0:
			return block.ErrWait
		default:
			byWorkers.Add(1)
		}
		return next.Serve(ctx, r, w)
	})
	c := h.client("unix", false)
	asks := func(cookie uint64) { c.request(cookie, ask{cmd: 0, n: 512}) }
	answered := func(workers int64) {
		t.Helper()
		if errno, cookie, _ := c.simple(512); errno != 0 || byWorkers.Load() != workers {
			t.Fatalf("read %d: %d, %d were made by workers, want %d", cookie, errno, byWorkers.Load(), workers)
		}
	}
	cold.Store(true)
	asks(0)
	answered(1) // nothing is known of the client
	cold.Store(false)
	c = h.client("unix", false) // the worker may be seen to have that request in hand for a moment yet
	for i := range uint64(40) {
		asks(i)
		answered(1)
	}
	cold.Store(true)
	asks(1)
	arrives(t, entered)
	goOn <- struct{}{}
	answered(1)
	asks(2)
	arrives(t, entered)
	asks(3)
	goOn <- struct{}{}
	c.simple(512)
	answered(2)
	asks(4)
	answered(3)
}

// The reader makes the long writes of a client that asks for one thing at a time, until it asks for two, and a TCP
// client's.
func TestTheReaderMakesSomeLongWrites(t *testing.T) {
	if runtime.NumCPU() == 1 {
		t.Skip("one processor leaves none to spare")
	}
	h := newHouse(t)
	entered, goOn := make(chan struct{}, 1), make(chan struct{})
	var beside atomic.Bool
	h.put(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.Write {
			stack := make([]byte, 16<<10)
			beside.Store(bytes.Contains(stack[:runtime.Stack(stack, false)], []byte("writeBeside")))
			entered <- struct{}{}
			<-goOn
		}
		return next.Serve(ctx, r, w)
	})
	c := h.client("unix", false)
	writes := func(meanwhile bool) (besideTheReader bool) {
		t.Helper()
		replies := 16
		c.request(1, writeOf(1, 0))
		arrives(t, entered)
		if meanwhile {
			c.request(2, ask{cmd: 0, n: 512})
			replies += 16 + 512
		}
		goOn <- struct{}{}
		c.read(replies)
		return beside.Load()
	}
	if !writes(false) {
		t.Error("the reader made the write of a client of which nothing is known")
	}
	c = h.client("unix", false) // who made that write may be seen to have it in hand for a moment yet
	nbd.ForgetClients()         // with another that is busy the reader makes them anyhow
	for i := range uint64(40) {
		c.request(i, ask{cmd: 0, n: 512})
		c.simple(512)
	}
	if writes(false) || writes(true) {
		t.Error("a lone write was made beside the reader")
	}
	if !writes(false) {
		t.Error("the reader made the write of a client that asks for two things")
	}
	c = h.client("tcp", false)
	nbd.ForgetClients()
	if writes(false) {
		t.Error("a TCP client's write was made beside the reader")
	}
}
