package nbd_test

import (
	"io"
	"testing"

	"example.com/nbdtui/internal/nbd"
)

// depth is how many requests a benchmark keeps in flight.
const depth = 16

// BenchmarkRead reads from memory over a Unix socket. Its client takes no memory, so what is counted is the server's.
func BenchmarkRead(b *testing.B) {
	for _, s := range []struct {
		name   string
		size   int
		prompt bool
	}{
		{"4K", 4 << 10, true}, {"64K", 64 << 10, true}, {"1M", 1 << 20, true},
		{"4K by workers", 4 << 10, false}, {"64K by workers", 64 << 10, false}, {"1M by workers", 1 << 20, false},
	} {
		b.Run(s.name, func(b *testing.B) {
			r := newReads(b, s.size, s.prompt)
			b.SetBytes(int64(s.size))
			b.ReportAllocs()
			for b.Loop() {
				r.one()
			}
			r.drain()
		})
	}
}

// reads keeps depth reads in flight.
type reads struct {
	*raw
	ask    []byte
	answer []byte
	owed   int
}

func newReads(t testing.TB, size int, prompt bool) *reads {
	h := newHouse(t, func(_ *house, c *nbd.Config) { c.Prompt = prompt })
	h.fill()
	return &reads{raw: h.client("unix", false), ask: ask{cmd: 0, n: uint32(size)}.bytes(1), answer: make([]byte, 16+size)}
}

func (r *reads) one() {
	for ; r.owed < depth; r.owed++ {
		r.Write(r.ask)
	}
	if _, err := io.ReadFull(r, r.answer); err != nil {
		r.t.Fatal(err)
	}
	r.owed--
}

func (r *reads) drain() {
	for ; r.owed > 0; r.owed-- {
		io.ReadFull(r, r.answer)
	}
}

func TestRequestsTakeNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	for _, prompt := range []bool{true, false} {
		for _, size := range []int{4 << 10, 64 << 10} {
			r := newReads(t, size, prompt)
			// A pool that the garbage collector has emptied fills again: that is less than one in a hundred.
			if n := testing.AllocsPerRun(20_000, r.one); n != 0 {
				t.Errorf("reads of %d, prompt %v: %v allocations each", size, prompt, n)
			}
			r.drain()
		}
	}
}
