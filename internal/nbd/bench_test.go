package nbd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"example.com/nbdtui/internal/block"
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
		for _, size := range []int{512, 4 << 10, 64 << 10, 1 << 20} {
			for _, prompt := range []bool{true, false} {
				b.Run(fmt.Sprintf("%s/size=%d/prompt=%v", c.name, size, prompt), func(b *testing.B) {
					h := newHouse(b, func(_ *house, c *nbd.Config) { c.Prompt = prompt })
					h.fill()
					r := newTraffic(h.client("unix", false), ask{cmd: c.cmd, n: uint32(size)})
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

// BenchmarkClients has many clients read 4 KiB in turn. What one request costs does not depend on how many there are.
func BenchmarkClients(b *testing.B) {
	for _, n := range []int{1, 4, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHouse(b, func(_ *house, c *nbd.Config) { c.MaxConnections = n })
			h.fill()
			list := make([]*traffic, n)
			for i := range list {
				list[i] = newTraffic(h.client("unix", false), ask{cmd: 0, n: 4 << 10})
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := list[i/depth%n] // a client's requests come together
				r.one()
			}
			for _, r := range list {
				r.drain()
			}
		})
	}
}

// traffic keeps requests in flight. It takes no memory for them.
type traffic struct {
	*raw
	ask    []byte
	bare   int // bytes behind a simple reply
	answer []byte
	owed   int
}

func newTraffic(c *raw, a ask) *traffic {
	r := &traffic{raw: c, ask: a.bytes(1), answer: make([]byte, 1<<20)}
	if c.extended {
		r.ask = a.extended(1)
	}
	if a.cmd == 0 {
		r.bare = int(a.n)
	}
	return r
}

func (r *traffic) one() {
	for ; r.owed < depth; r.owed++ {
		if _, err := r.Write(r.ask); err != nil {
			r.t.Fatal(err)
		}
	}
	for !r.part() {
	}
	r.owed--
}

func (r *traffic) drain() {
	for ; r.owed > 0; r.owed-- {
		for !r.part() {
		}
	}
}

// part reads a simple reply or a chunk, and reports whether it was the last of its request.
func (r *traffic) part() (last bool) {
	head := r.take(16)
	number, flags, kind := be.Uint32(head), be.Uint16(head[4:]), be.Uint16(head[6:])
	if number == 0x67446698 {
		if e := be.Uint32(head[4:]); e != 0 {
			r.t.Fatalf("error %d", e)
		}
		r.take(r.bare)
		return true
	}
	if kind == fail {
		r.t.Fatal("an error chunk")
	}
	if number == 0x668e33ef {
		r.take(int(be.Uint32(r.take(4))))
	} else {
		r.take(int(be.Uint64(r.take(16)[8:])))
	}
	return flags == 1
}

func (r *traffic) take(n int) []byte {
	if _, err := io.ReadFull(r, r.answer[:n]); err != nil {
		r.t.Fatal(err)
	}
	return r.answer[:n]
}

// onFile serves a file instead of memory, without holes.
func onFile(t *testing.T) func(*house, *nbd.Config) {
	const size = 8 << 20
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, bytes.Repeat([]byte{1}, size), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := block.OpenDisk(path, block.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return func(h *house, c *nbd.Config) {
		c.Open = func(context.Context, block.OpenRequest) (*block.Door, error) {
			return block.NewDoor(block.FromDevice(sized{d, size}, h.info), "file", true, h.layerEvent), nil
		}
	}
}

// sized is a file whose size is known.
type sized struct {
	*block.Disk
	size uint64
}

func (s sized) Size() uint64 { return s.size }
func (s sized) Close() error { return nil } // every client's

// No path takes memory for a request: by the reader and by workers, over sockets and TLS, copied and spliced, whatever the
// form of the reply.
func TestRequestsTakeNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const last = 7 << 20 // what is trimmed and zeroed stays away from what is read
	asks := map[string]ask{
		"read of 4 KiB": {cmd: 0, n: 4 << 10}, "read of 64 KiB": {cmd: 0, n: 64 << 10}, "read of 512 KiB": {cmd: 0, n: 512 << 10},
		"write of 4 KiB": write(0, 4<<10, 0), "write of 64 KiB": write(0, 64<<10, 0), "write of 512 KiB": write(0, 512<<10, 0),
		"flush": {cmd: 3}, "trim": {cmd: 4, off: last, n: 64 << 10}, "cache": {cmd: 5, n: 64 << 10},
		"write-zeroes": {cmd: 6, off: last, n: 64 << 10, flags: noHole}, "block status": {cmd: 7, n: 64 << 10},
	}
	for name, with := range map[string]func(*house, *nbd.Config){
		"by the reader":      func(h *house, _ *nbd.Config) { h.fill() },
		"by workers":         func(h *house, c *nbd.Config) { h.fill(); c.Prompt = false },
		"copied by a file":   onFile(t),
		"spliced":            func(h *house, c *nbd.Config) { onFile(t)(h, c); c.Splice = true },
		"spliced by workers": func(h *house, c *nbd.Config) { onFile(t)(h, c); c.Splice, c.Prompt = true, false },
	} {
		h := newHouse(t, with, func(h *house, c *nbd.Config) { c.Coverage = block.NewCoverage(h.disk.Size()) })
		for form, client := range map[string]func() *raw{
			"simple": func() *raw { return h.client("unix", false) }, "structured": func() *raw { return h.client("tcp", true) },
			"extended": func() *raw { return h.extended("unix") }, "TLS": func() *raw { return h.client("tls", true) },
		} {
			for what, a := range asks {
				if a.cmd == 7 && form == "simple" {
					continue
				}
				r := newTraffic(client(), a)
				spare := 0
				if form == "TLS" {
					spare = 2 + 2*int(a.n>>14) // crypto/tls takes 24 bytes to read a record; here both ends are counted
				}
				// A pool that the garbage collector has emptied fills again, which is less than one each; and on a busy
				// machine a socket may have to wait so long that it goes into the poller, which takes memory.
				n := testing.AllocsPerRun(100, r.one)
				for again := 5; again > 0 && n > float64(spare); again-- {
					n = testing.AllocsPerRun(100, r.one)
				}
				if n > float64(spare) {
					t.Errorf("%s, %s, %s: %v allocations each, at most %d", name, form, what, n, spare)
				}
				r.drain()
			}
		}
	}
}
