package nbd_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
	"example.com/nbdtui/internal/nbd/client"
)

// The promise of a pause, from the clients' side: they hammer by every network, with every command, served by the reader
// and by workers; whenever the pause has come nothing of theirs is at the disk, and nothing comes there.
func TestNothingReachesTheDiskOfAPausedServer(t *testing.T) {
	const pauses, each = 60, 4 // requests at once, of each client
	dir, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	for name, prompt := range map[string]bool{"by the reader": true, "by workers": false} {
		t.Run(name, func(t *testing.T) {
			var inside, served atomic.Int64
			h := newHouse(t, func(h *house, c *nbd.Config) {
				c.Prompt = prompt
				h.hook = func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
					inside.Add(1)
					defer inside.Add(-1)
					runtime.Gosched()
					err := next.Serve(ctx, r, w)
					if !errors.Is(err, block.ErrWait) {
						served.Add(1)
					}
					return err
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			var group sync.WaitGroup
			for i, uri := range []string{
				h.uri(), "nbd://" + h.tcp + "/disk", "nbds://" + h.tcp + "/disk?tls-hostname=localhost&tls-certificates=" + dir,
			} {
				x, err := client.Dial(t.Context(), uri)
				if err != nil {
					t.Fatal(err)
				}
				defer x.Close()
				for n := range each {
					random := rand.New(rand.NewPCG(uint64(i), uint64(n)))
					group.Go(func() {
						for ctx.Err() == nil {
							if err := anything(t.Context(), x, random); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
			}
			defer group.Wait()
			defer cancel()
			defer h.gate.Resume()
			for range pauses {
				if s, err := h.gate.Pause(t.Context()); s != block.Paused || err != nil {
					t.Fatalf("the pause is %v, %v", s, err)
				}
				before := served.Load()
				for range 50 {
					if n := inside.Load(); n != 0 {
						t.Fatalf("%d requests are at the disk in a pause", n)
					}
					runtime.Gosched()
				}
				if n := served.Load() - before; n != 0 {
					t.Fatalf("%d requests were served in a pause", n)
				}
				h.gate.Resume()
				h.eventually("they go on", func() bool { return served.Load() > before })
			}
		})
	}
}

// anything asks for something, and waits for it.
func anything(ctx context.Context, x *client.Client, random *rand.Rand) error {
	n := []uint64{512, 4096, 70_000, 300_000}[random.IntN(4)]
	off := random.Uint64N(size - n)
	switch random.IntN(8) {
	case 0:
		return x.Flush(ctx)
	case 1:
		return x.Zero(ctx, off, n, block.MayTrim)
	case 2:
		return x.Trim(ctx, off, n, 0)
	case 3:
		return x.Cache(ctx, off, n)
	case 4:
		_, err := x.Extents(ctx, off, n, 0, nil)
		return err
	case 5:
		return x.WriteAt(ctx, make([]byte, n), off, block.FUA)
	case 6:
		return x.WriteAt(ctx, make([]byte, n), off, 0)
	}
	return x.ReadAt(ctx, make([]byte, n), off)
}
