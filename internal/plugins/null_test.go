package plugins

import (
	"math"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

func TestNullOfAnySize(t *testing.T) {
	for _, c := range []struct {
		words []string
		size  uint64
	}{{nil, 0}, {[]string{"size=0"}, 0}, {[]string{"size=1"}, 1}, {[]string{"size=9223372036854775807"}, math.MaxInt64}} {
		s := blocktest.Build(t, false, blocktest.Layer{Kind: block.Plugin, Name: "null", Words: c.words})
		d := s.Open(t, block.OpenRequest{})
		if got := d.Info().Size; got != c.size {
			t.Errorf("%v: %d bytes, want %d", c.words, got, c.size)
		}
		if c.size == 0 {
			continue
		}
		serve(t, d, block.Request{Cmd: block.WriteZeroes, Length: c.size}).Put()
		serve(t, d, block.Request{Cmd: block.Trim, Length: c.size}).Put()
		write(t, d, c.size-1, []byte{1})
		a := serve(t, d, block.Request{Cmd: block.BlockStatus, Length: c.size})
		if e := a.Extents(); len(e) != 1 || e[0] != (block.Extent{Length: c.size, Flags: block.Hole | block.Zero}) {
			t.Errorf("%v: extents %v, want one hole", c.words, e)
		}
		a.Put()
		a = serve(t, d, block.Request{Cmd: block.Read, Offset: c.size - 1, Length: 1})
		if b, holes := blocktest.Bytes(t, a); len(b) != 1 || b[0] != 0 || holes != 1 {
			t.Errorf("%v: the last byte is %v, %d of it a hole", c.words, b, holes)
		}
		a.Put()
	}
}

func TestNullAllocatesNothing(t *testing.T) {
	s := blocktest.Build(t, false, blocktest.Layer{Kind: block.Plugin, Name: "null", Words: []string{"size=1M"}})
	d := s.Open(t, block.OpenRequest{})
	if n := testing.AllocsPerRun(1000, func() {
		a := block.GetAnswer(false)
		d.Serve(t.Context(), block.Request{Cmd: block.Read, Length: 4096}, a.Reply())
		a.Put()
	}); n > spareAllocs {
		t.Errorf("a read takes %v allocations", n)
	}
}
