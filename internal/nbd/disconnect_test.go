package nbd_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

func TestASoftDisconnectTakesNothingBackOfAForcedOne(t *testing.T) {
	bubble(t, func(h *house, c *raw) {
		c.goes("")
		h.disk.WriteAt([]byte("x"), 0)
		c.request(1, ask{cmd: 0, n: 4 << 20}) // which nobody reads
		synctest.Wait()
		began := time.Now()
		h.server.Disconnect(1, true)
		h.server.Disconnect(1, false)
		for len(h.server.Clients().Present) > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("gone after %v", took)
		}
	})
}

func TestASecondSoftDisconnectGivesNoMoreTime(t *testing.T) {
	bubble(t, func(h *house, c *raw) {
		b := newBlocker()
		h.hook = b.serve
		c.goes("")
		c.request(1, ask{cmd: 0, n: 1})
		synctest.Wait()
		began := time.Now()
		h.server.Disconnect(1, false)
		time.Sleep(3 * time.Second)
		h.server.Disconnect(1, false)
		c.simple(1)
		c.closed()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}

func TestShutdownFlushesForEveryClientWhereAFlushCoversOneClientAlone(t *testing.T) {
	var flushes atomic.Int64
	h := newHouse(t, through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.Flush {
			flushes.Add(1)
		}
		return next.Serve(ctx, r, w)
	}), func(h *house, _ *nbd.Config) { h.info.MultiConn = false })
	for range 3 {
		h.client("unix", false).alive(false)
	}
	h.gate.Stop()
	if err := h.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := flushes.Load(); n != 3 {
		t.Errorf("%d flushes", n)
	}
}

// Who announces a payload may wait for earlier answers before it sends that.
func TestRepliesDoNotWaitForAPayload(t *testing.T) {
	h := newHouse(t)
	for _, cmd := range []uint16{1, 3, 7} {
		c := h.extended("unix")
		c.send(ask{cmd: 0, n: 1}.extended(1), ask{flags: payloadLen, cmd: cmd, long: 12}.extended(2))
		if k := c.chunk(); k.cookie != 1 {
			t.Errorf("the answer to %d came first", k.cookie)
		}
		c.send(make([]byte, 12))
		if k := c.chunk(); k.cookie != 2 || !k.done {
			t.Errorf("%+v", k)
		}
	}
}
