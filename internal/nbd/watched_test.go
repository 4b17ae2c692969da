package nbd_test

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

// What a dashboard asks of a server that is watched: what waits, how it was asked for, what was touched, what failed.
func TestAWatchedServerTellsWhatItDoes(t *testing.T) {
	const g = 64 << 10
	coverage := block.NewCoverage(8 << 20)
	broken := func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.Read && r.Offset == 5*g {
			return syscall.EIO
		}
		return next.Serve(ctx, r, w)
	}
	h := newHouse(t, through(broken), func(_ *house, c *nbd.Config) { c.Coverage = coverage })
	c := h.client("unix", false)
	h.gate.Pause(t.Context())
	began := time.Now()
	c.request(1, write(g, g, 0))
	c.request(2, write(2*g, g, 0)) // where the first one ended
	h.eventually("they are held", func() bool { return h.server.Clients().Present[0].Held == 2 })
	for _, p := range h.server.Clients().Present[0].Pending {
		if p.Cmd != block.Write || !p.Held || p.Length != g || p.Age > time.Since(began) {
			t.Errorf("at the gate: %+v", p)
		}
	}
	const wait = 300 * time.Millisecond // it must not be counted
	h.eventually("they have waited", func() bool {
		return !slices.ContainsFunc(h.server.Clients().Present[0].Pending, func(p block.Pending) bool { return p.Age < wait })
	})
	h.gate.Resume()
	for range 2 {
		if e, _, _ := c.simple(0); e != 0 {
			t.Errorf("error %d", e)
		}
	}
	if e := c.errno(false, ask{cmd: 0, off: 5 * g, n: g}); e == 0 {
		t.Error("the read succeeded")
	}
	c.errno(false, ask{cmd: 6, off: 6 * g, n: g})
	var work block.Work
	h.eventually("all is noted", func() bool { work = h.server.Work(); return work.Took.Quantiles(block.WriteZeroes).Requests == 1 })
	if took := work.Took.Quantiles(block.Write); took.Requests != 2 || took.Max >= wait {
		t.Errorf("the writes took %+v, held for %v", took, wait)
	}
	if w := work.Habits.Writes; w.Requests() != 2 || w.Sequential != 1 || w.Sizes[2] != 2 || work.Habits.Reads.Requests() != 1 {
		t.Errorf("habits %+v", work.Habits)
	}
	if work.Busy <= 0 {
		t.Error("nothing took any time")
	}
	if at := h.server.Clients().Present[0].At; at != 6*g {
		t.Errorf("the client is at %d", at)
	}
	want := []block.Stretch{0: {}, 1: {Written: g}, 2: {Written: g}, 5: {Failed: g}, 6: {Zeroed: g}, 7: {}}
	for i := range want {
		want[i].Bytes = g
	}
	if m := coverage.Map(0, 8*g, 8); !slices.Equal(m, want) {
		t.Errorf("the map is %+v\nwant %+v", m, want)
	}
}
