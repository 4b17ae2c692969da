package nbd_test

import (
	"fmt"
	"io"
	"testing"

	"example.com/nbdtui/internal/nbd"
)

// depth is how many requests a benchmark keeps in flight.
const depth = 16

// BenchmarkRequest reads from memory and writes to it over a Unix socket. Its client takes no memory, so what is counted
// is the server's.
func BenchmarkRequest(b *testing.B) {
	for _, c := range []struct {
		cmd  uint16
		name string
	}{{0, "read"}, {1, "write"}} {
		for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
			for _, prompt := range []bool{true, false} {
				b.Run(fmt.Sprintf("%s/size=%dK/prompt=%v", c.name, size>>10, prompt), func(b *testing.B) {
					r := newTraffic(b, c.cmd, size, prompt)
					b.SetBytes(int64(size))
					b.ReportAllocs()
					for b.Loop() {
						r.one()
					}
					r.drain()
				})
			}
		}
	}
}

// traffic keeps requests in flight.
type traffic struct {
	*raw
	depth  int
	ask    []byte
	answer []byte
	owed   int
}

func newTraffic(t testing.TB, cmd uint16, size int, prompt bool) *traffic {
	h := newHouse(t, func(_ *house, c *nbd.Config) { c.Prompt = prompt })
	h.fill()
	a := ask{cmd: cmd, n: uint32(size)}
	r := &traffic{raw: h.client("unix", false), depth: depth, answer: make([]byte, 16)}
	if cmd == 0 {
		r.answer = make([]byte, 16+size)
	} else {
		a.payload = make([]byte, size)
	}
	r.ask = a.bytes(1)
	return r
}

func (r *traffic) one() {
	for ; r.owed < r.depth; r.owed++ {
		if _, err := r.Write(r.ask); err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(r, r.answer); err != nil {
		r.t.Fatal(err)
	}
	r.owed--
}

func (r *traffic) drain() {
	for ; r.owed > 0; r.owed-- {
		io.ReadFull(r, r.answer)
	}
}

func TestRequestsTakeNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	for _, prompt := range []bool{true, false} {
		for _, cmd := range []uint16{0, 1} {
			for _, size := range []int{4 << 10, 64 << 10, 512 << 10} {
				r := newTraffic(t, cmd, size, prompt)
				// A pool that the garbage collector has emptied fills again: that is less than one in a hundred.
				if n := testing.AllocsPerRun((64<<20)/size+1000, r.one); n != 0 {
					t.Errorf("command %d, %d bytes, prompt %v: %v allocations each", cmd, size, prompt, n)
				}
				r.drain()
			}
		}
	}
}
