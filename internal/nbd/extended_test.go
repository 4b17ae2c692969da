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

// With extended headers every reply is an extended chunk that repeats the request's offset ("Extended reply chunk
// message").
func TestExtendedReplies(t *testing.T) {
	h := newHouse(t)
	h.disk.WriteAt(bytes.Repeat([]byte("a"), page), page)
	c := h.extended("unix")
	next := func(want chunk) chunk {
		t.Helper()
		k := c.chunk()
		if k.kind != want.kind || k.done != want.done || k.cookie != want.cookie || k.offset != want.offset {
			t.Fatalf("chunk %+v, want %+v", k, want)
		}
		return k
	}
	c.request(1, ask{cmd: 0, off: 100, n: 3*page - 100})
	if k := next(chunk{kind: hole, cookie: 1, offset: 100}); be.Uint64(k.payload) != 100 || be.Uint32(k.payload[8:]) != page-100 {
		t.Errorf("a hole of %x", k.payload)
	}
	if k := next(chunk{kind: data, cookie: 1, offset: 100}); be.Uint64(k.payload) != page || len(k.payload) != 8+page || k.payload[8] != 'a' {
		t.Errorf("data of %d bytes", len(k.payload))
	}
	next(chunk{kind: hole, cookie: 1, offset: 100, done: true})
	for i, a := range []ask{write(7, 100, 0), {cmd: 3}, {cmd: 4, off: 5, n: 1}, {cmd: 5, off: 6, n: 1}, {cmd: 6, off: 512, n: 1}, {cmd: 0, off: 9}} {
		c.request(uint64(i), a)
		if k := next(chunk{kind: none, cookie: uint64(i), offset: a.off, done: true}); len(k.payload) != 0 {
			t.Errorf("a chunk of %d bytes", len(k.payload))
		}
	}
	for _, a := range []ask{{cmd: 7, long: 8 << 20}, {flags: payloadLen, cmd: 7, n: 12, payload: join(u64(8<<20), u32(1))}} {
		c.request(9, a)
		k := next(chunk{kind: statusLong, cookie: 9, done: true})
		want := join(u32(1), u32(2), u64(2*page), u64(0), u64(8<<20-2*page), u64(3))
		if !bytes.Equal(k.payload, want) {
			t.Errorf("extents %x, want %x", k.payload, want)
		}
	}
}

// What 32 bits cannot tell is one extent, and one request.
func TestLengthsOfSixtyFourBits(t *testing.T) {
	h := newHouse(t, over(func(*house) block.Device { return vast{1 << 40} }, block.Info{}))
	c := h.extended("unix")
	c.request(1, ask{cmd: 7, long: 1 << 40})
	if k := c.chunk(); !bytes.Equal(k.payload, join(u32(1), u32(1), u64(1<<40), u64(0))) {
		t.Errorf("extents %x", k.payload)
	}
	c.request(1, ask{flags: reqOne, cmd: 7, off: 1, long: 1<<40 - 1})
	if k := c.chunk(); len(k.payload) != 24 || be.Uint64(k.payload[8:]) < 1<<30 {
		t.Errorf("extents %x", k.payload)
	}
	for _, a := range []ask{{cmd: 7, long: 1<<40 + 1}, {cmd: 7, off: 1 << 40, long: 1}, {cmd: 7, off: 1 << 63, long: 1 << 63}, {cmd: 0, long: 1 << 62}} {
		if e := c.errno(true, a); e != einval {
			t.Errorf("%+v: error %d", a, e)
		}
	}
}

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
