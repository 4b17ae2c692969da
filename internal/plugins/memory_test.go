package plugins

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// newMemory makes a disk with an allocator; the store is nil where it is not sparse.
func newMemory(t testing.TB, allocator string, size uint64) (*sparse, *block.Door) {
	t.Helper()
	b := &memoryBuilder{size: size}
	if err := b.setAllocator(allocator); err != nil {
		t.Fatal(err)
	}
	l, err := b.Build(block.Host{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := l.Open(t.Context(), block.OpenRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := l.(*memory).store.(*sparse)
	return s, block.NewDoor(h, "memory", true, func(string, ...any) {})
}

// pages is how many are taken.
func (m *sparse) pages() (n int) {
	for i := range m.shards {
		for _, g := range m.shards[i].groups {
			n += g.used
		}
	}
	return n
}

func serve(t testing.TB, d *block.Door, r block.Request) *block.Answer {
	t.Helper()
	a := block.GetAnswer(false)
	if err := d.Serve(t.Context(), r, a.Reply()); err != nil {
		t.Fatalf("%v of %d from %d: %v", r.Cmd, r.Length, r.Offset, err)
	}
	return a
}

func write(t testing.TB, d *block.Door, off uint64, b []byte) {
	t.Helper()
	serve(t, d, block.Request{Cmd: block.Write, Offset: off, Length: uint64(len(b)), Data: b}).Put()
}

func TestMemoryAsLargeAsCanBe(t *testing.T) {
	for _, allocator := range []string{"sparse", "zstd"} {
		t.Run(allocator, func(t *testing.T) {
			const size = math.MaxInt64
			m, d := newMemory(t, allocator, size)
			for _, off := range []uint64{0, 1 << 40, 1<<62 - 3, size - 5} {
				write(t, d, off, []byte("hello"))
				b := make([]byte, 5)
				if err := d.ReadInto(t.Context(), b, off, 0); err != nil || string(b) != "hello" {
					t.Errorf("from %d: %q, %v", off, b, err)
				}
			}
			if n := m.pages(); n != 5 {
				t.Errorf("%d pages are taken, want 5", n)
			}
			// Neither of these walks over all that is not there.
			a := serve(t, d, block.Request{Cmd: block.BlockStatus, Length: size})
			if e := a.Extents(); e[0] != (block.Extent{Length: pageSize}) || e[1].Flags != block.Hole|block.Zero {
				t.Errorf("extents %v", e)
			}
			a.Put()
			serve(t, d, block.Request{Cmd: block.Trim, Length: size}).Put()
			if n := m.pages(); n != 0 {
				t.Errorf("%d pages are taken after a trim of all, want none", n)
			}
		})
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	for _, allocator := range []string{"sparse", "zstd"} {
		t.Run(allocator, func(t *testing.T) {
			m, d := newMemory(t, allocator, 64<<20)
			data := bytes.Repeat([]byte{1}, 5<<20)
			for _, c := range []struct {
				cmd    block.Cmd
				off, n uint64
				want   int // pages
			}{
				{block.Trim, 0, 5 << 20, 0},
				{block.WriteZeroes, 0, 5 << 20, 0},
				{block.Trim, 1, 5 << 20, 1},
				{block.Trim, pageSize, pageSize, 159},
				{block.WriteZeroes, 3 * pageSize, 2*pageSize - 1, 159},
				{block.WriteZeroes, groupSize - 1, 2, 160},
			} {
				write(t, d, 0, data)
				serve(t, d, block.Request{Cmd: c.cmd, Offset: c.off, Length: c.n}).Put()
				if n := m.pages(); n != c.want {
					t.Errorf("%v of %d from %d: %d pages are left, want %d", c.cmd, c.n, c.off, n, c.want)
				}
			}
			// A page that becomes zero bit by bit goes too.
			serve(t, d, block.Request{Cmd: block.Trim, Length: 64 << 20}).Put()
			write(t, d, pageSize+100, data[:50])
			serve(t, d, block.Request{Cmd: block.WriteZeroes, Offset: pageSize + 100, Length: 25}).Put()
			if m.pages() != 1 {
				t.Errorf("%d pages, want 1", m.pages())
			}
			serve(t, d, block.Request{Cmd: block.WriteZeroes, Offset: pageSize + 125, Length: 25}).Put()
			if m.pages() != 0 {
				t.Errorf("%d pages, want none", m.pages())
			}
		})
	}
}

func TestMemoryTellsZeroesFromHoles(t *testing.T) {
	for _, allocator := range []string{"sparse", "zstd"} {
		t.Run(allocator, func(t *testing.T) {
			_, d := newMemory(t, allocator, 8<<20)
			write(t, d, 3*pageSize, make([]byte, 2*pageSize))
			write(t, d, 5*pageSize, []byte{1})
			a := serve(t, d, block.Request{Cmd: block.BlockStatus, Offset: 10, Length: 8<<20 - 10})
			defer a.Put()
			want := []block.Extent{
				{Length: 3*pageSize - 10, Flags: block.Hole | block.Zero},
				{Length: 2 * pageSize, Flags: block.Zero},
				{Length: pageSize},
				{Length: 8<<20 - 6*pageSize, Flags: block.Hole | block.Zero},
			}
			if !slices.Equal(a.Extents(), want) {
				t.Errorf("extents %v, want %v", a.Extents(), want)
			}
		})
	}
}

func TestMemoryReadsInOnePiece(t *testing.T) {
	for _, allocator := range []string{"sparse", "zstd"} {
		t.Run(allocator, func(t *testing.T) {
			_, d := newMemory(t, allocator, 8<<20)
			write(t, d, 0, bytes.Repeat([]byte{1}, 6<<20))
			for off, want := range map[uint64]int{100: 1, 4 << 20: 2} {
				a := serve(t, d, block.Request{Cmd: block.Read, Offset: off, Length: 4 << 20})
				if n := len(a.Segments()); n != want {
					t.Errorf("a read from %d came in %d pieces, want %d", off, n, want)
				}
				a.Put()
			}
		})
	}
}

func TestMemoryAllocatesNothing(t *testing.T) {
	for _, allocator := range []string{"sparse", "malloc"} {
		t.Run(allocator, func(t *testing.T) {
			_, d := newMemory(t, allocator, 8<<20)
			b := bytes.Repeat([]byte{1}, 1<<20)
			write(t, d, 0, b)
			for _, r := range []block.Request{
				{Cmd: block.Read, Offset: 100, Length: 4096},
				{Cmd: block.Read, Offset: 100, Length: 1 << 20},
				{Cmd: block.Write, Offset: 100, Length: 4096, Data: b[:4096]},
				{Cmd: block.BlockStatus, Length: 8 << 20},
			} {
				for _, r.Flags = range []block.Flags{0, block.NoWait} {
					if n := testing.AllocsPerRun(100, func() { serve(t, d, r).Put() }); n > spareAllocs {
						t.Errorf("%v of %d: %v allocations", r.Cmd, r.Length, n)
					}
				}
			}
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, allocator := range []string{"sparse", "malloc", "zstd"} {
		b.Run(allocator, func(b *testing.B) {
			_, d := newMemory(b, allocator, 1<<30)
			data := bytes.Repeat([]byte{1}, 64<<10)
			for off := uint64(0); off < 1<<26; off += 64 << 10 {
				write(b, d, off, data)
			}
			for name, r := range map[string]block.Request{
				"read/4K":   {Cmd: block.Read, Length: 4096},
				"read/64K":  {Cmd: block.Read, Length: 64 << 10},
				"write/4K":  {Cmd: block.Write, Length: 4096, Data: data[:4096]},
				"write/64K": {Cmd: block.Write, Length: 64 << 10, Data: data},
			} {
				b.Run(name, func(b *testing.B) {
					b.SetBytes(int64(r.Length))
					b.ReportAllocs()
					b.RunParallel(func(p *testing.PB) {
						for r := r; p.Next(); r.Offset = (r.Offset + r.Length) % (1 << 26) {
							serve(b, d, r).Put()
						}
					})
				})
			}
		})
	}
}

func TestMemoryAllocators(t *testing.T) {
	for value, want := range map[string]string{
		"sparse": "*plugins.sparse", "s": "*plugins.sparse", "zstd": "*plugins.sparse", "z": "*plugins.sparse", "malloc": "plugins.malloc", "m": "plugins.malloc",
		"malloc,": "plugins.malloc", "malloc,mlock": "plugins.malloc", "malloc,mlock=true": "plugins.malloc", "mal,mlock=1,mlock=0": "plugins.malloc",
	} {
		b := &memoryBuilder{size: 4096}
		if err := b.setAllocator(value); err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		l, err := b.Build(block.Host{})
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if got := fmt.Sprintf("%T", l.(*memory).store); got != want {
			t.Errorf("%s is a %s, want %s", value, got, want)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	for value, want := range map[string]string{
		"": "must be", "x": "unknown", "mallocx": "unknown", "MALLOC": "unknown", "sparse,mlock=1": "no parameters", "zstd,": "no parameters",
		"malloc,foo": "no parameter", "malloc,m=1": "no parameter", "malloc,mlock=x": "boolean", ",": "must be",
	} {
		if err := (&memoryBuilder{}).setAllocator(value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
}

func TestMallocThatDoesNotFit(t *testing.T) {
	for _, size := range []uint64{math.MaxInt64, 1 << 60} {
		b := &memoryBuilder{size: size}
		b.setAllocator("malloc")
		_, err := b.Build(block.Host{})
		var hint *param.Hint
		if !errors.As(err, &hint) || !strings.Contains(hint.Text, "sparse") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	_, d := newMemory(t, "malloc", 0)
	if d.Info().Size != 0 {
		t.Error("an empty disk is not empty")
	}
}

// What compresses takes less memory than it holds, and what does not takes no more.
func TestZstdPacks(t *testing.T) {
	m, d := newMemory(t, "zstd", 8<<20)
	noise := make([]byte, pageSize)
	rand.NewChaCha8([32]byte{}).Read(noise)
	write(t, d, 0, bytes.Repeat([]byte("text "), pageSize/5))
	write(t, d, pageSize, noise)
	g := m.shards[0].groups[0]
	if len(g.pages[0]) > 200 || len(g.pages[1]) != pageSize || cap(g.pages[0]) > 256 {
		t.Errorf("text takes %d bytes and noise %d", cap(g.pages[0]), len(g.pages[1]))
	}
	write(t, d, pageSize+100, []byte("changed"))
	copy(noise[100:], "changed")
	got := make([]byte, pageSize)
	if err := d.ReadInto(t.Context(), got, pageSize, 0); err != nil || !bytes.Equal(got, noise) {
		t.Errorf("noise is not what it was: %v", err)
	}
}
