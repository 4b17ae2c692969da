package nbd_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
	"example.com/nbdtui/internal/nbd/client"
)

func TestNoStructuredRepliesMeansNoExtendedHeadersEither(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) { c.NoStructuredReplies = true })
	c := h.haggler("unix")
	c.option(11)
	c.wants(unsup)
	c.usable()
}

// Our own client is the one peer that speaks them.
func TestOurClientAgainstOurServer(t *testing.T) {
	dir, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		with     func(*house, *nbd.Config)
		uri      func(*house) string
		extended bool
	}{
		"extended headers": {func(*house, *nbd.Config) {}, (*house).uri, true},
		"and TLS": {func(*house, *nbd.Config) {}, func(h *house) string {
			return "nbds://" + h.tcp + "/disk?tls-hostname=localhost&tls-certificates=" + dir
		}, true},
		"by workers":     {func(_ *house, c *nbd.Config) { c.Prompt = false }, (*house).uri, true},
		"simple replies": {func(_ *house, c *nbd.Config) { c.NoStructuredReplies = true }, (*house).uri, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, c.with)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			x, err := client.Dial(ctx, c.uri(h))
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			if i := x.Info(); i.Extended != c.extended || i.Structured != c.extended || i.Extents != c.extended || i.Size != size {
				t.Fatalf("information: %+v", i)
			}
			random := rand.New(rand.NewPCG(1, 2))
			model := make([]byte, size)
			for range 300 {
				n := 1 + random.Uint64N(1<<(1+random.Uint64N(20)))
				off := random.Uint64N(size - n + 1)
				part := model[off : off+n]
				var err error
				switch random.IntN(5) {
				case 0:
					for i := range part {
						part[i] = byte(random.Uint32())
					}
					err = x.WriteAt(ctx, part, off, block.FUA)
				case 1:
					clear(part)
					err = x.Zero(ctx, off, n, block.MayTrim)
				case 2:
					clear(part)
					err = x.Trim(ctx, off, n, 0)
				case 3:
					var list []block.Extent
					if list, err = x.Extents(ctx, off, n, 0, nil); err == nil {
						err = holesAreZero(model, off, list)
					}
				default:
					got := make([]byte, n)
					if err = x.ReadAt(ctx, got, off); err == nil && !bytes.Equal(got, part) {
						err = fmt.Errorf("%d bytes at %d differ", n, off)
					}
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := x.Flush(ctx); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(h.disk.bytes(), model) {
				t.Error("the disk differs")
			}
		})
	}
}

func holesAreZero(model []byte, off uint64, list []block.Extent) error {
	for _, e := range list {
		if e.Flags&block.Zero != 0 && bytes.Count(model[off:off+e.Length], []byte{0}) != int(e.Length) {
			return fmt.Errorf("%d bytes at %d are said to be zero", e.Length, off)
		}
		off += e.Length
	}
	return nil
}
