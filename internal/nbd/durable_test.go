package nbd_test

import (
	"context"
	"sync/atomic"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

// FUA and flush reach the disk on every way of a request, and are answered when the disk has said that it is done.
func TestDurabilityReachesTheDisk(t *testing.T) {
	for name, with := range map[string]func(*house, *nbd.Config){
		"by the reader": func(*house, *nbd.Config) {},
		"by workers":    func(_ *house, c *nbd.Config) { c.Prompt = false },
	} {
		for _, network := range networks {
			t.Run(name+"/"+network, func(t *testing.T) {
				var done atomic.Pointer[block.Request]
				h := newHouse(t, with, func(h *house, _ *nbd.Config) {
					h.hook = func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
						err := next.Serve(ctx, r, w)
						if err == nil {
							done.Store(&block.Request{Cmd: r.Cmd, Flags: r.Flags, Offset: r.Offset, Length: r.Length})
						}
						return err
					}
				})
				c := h.client(network, true)
				// Of each way in which a payload is taken: with others, in a large buffer, in memory of its own.
				for _, n := range []uint32{512, 70_000, 300_000, 3 << 20} {
					for _, f := range []uint16{fua, 0} {
						if e := c.errno(true, write(4096, n, f)); e != 0 {
							t.Fatalf("error %d", e)
						}
						r := done.Swap(nil)
						if r == nil || r.Cmd != block.Write || r.Length != uint64(n) || r.Flags&block.FUA != 0 != (f == fua) {
							t.Errorf("of a write of %d bytes, FUA %d, the disk knows %+v", n, f, r)
						}
					}
				}
				for cmd, want := range map[uint16]block.Cmd{4: block.Trim, 6: block.WriteZeroes} {
					if e := c.errno(true, ask{flags: fua, cmd: cmd, n: 4096}); e != 0 {
						t.Fatalf("error %d", e)
					}
					if r := done.Swap(nil); r == nil || r.Cmd != want || r.Flags&block.FUA == 0 {
						t.Errorf("of a %v with FUA the disk knows %+v", want, r)
					}
				}
				if e := c.errno(true, ask{cmd: 3}); e != 0 {
					t.Fatalf("error %d", e)
				}
				if r := done.Swap(nil); r == nil || r.Cmd != block.Flush {
					t.Errorf("of a flush the disk knows %+v", r)
				}
			})
		}
	}
}
