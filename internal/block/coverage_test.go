package block

import (
	"math"
	"slices"
	"testing"
)

func TestCoverageCountsWhatWasTouched(t *testing.T) {
	const granule = 1 << granuleBits
	c := NewCoverage(200*granule + 1000)
	if got := c.Covered(); got != (Covered{Size: 200*granule + 1000}) {
		t.Errorf("before anything: %+v", got)
	}
	c.Mark(WasRead, 0, 1)                  // a granule is touched as soon as any of it is
	c.Mark(WasRead, 63*granule, 2*granule) // over the edge of a word
	c.Mark(WasWritten, 10*granule-1, 1)
	c.Mark(WasZeroed, 10*granule-1, 2)          // two granules, one of them written already
	c.Mark(HasFailed, 50*granule, 1)            // which covers nothing
	c.Mark(IsHole, 100*granule-5, 10*granule+5) // whole ones only
	c.Mark(IsHole, 110*granule, granule-1)
	if got := c.Covered(); got.Read != 3*granule+10*granule || got.Written != 2*granule || got.Holes != 10*granule {
		t.Errorf("%+v", got)
	}
	c.Mark(WasRead, 200*granule, math.MaxUint64>>1) // the short last granule, and far beyond the end
	c.Mark(WasRead, 0, c.Size())
	if got := c.Covered(); got.Read != c.Size() || got.Holes != 0 {
		t.Errorf("all of it read: %+v", got)
	}
	if c.Reset(); c.Covered() != (Covered{Size: c.Size()}) {
		t.Errorf("forgotten: %+v", c.Covered())
	}
	c = NewCoverage(granule + 1000)
	c.Mark(IsHole, 0, granule+1000)
	if got := c.Covered(); got.Read != granule+1000 {
		t.Errorf("a hole up to the end: %+v", got)
	}
}

func TestCoverageIsBoundedWhateverTheSize(t *testing.T) {
	for _, size := range []uint64{0, 1, 1 << 36, 1<<36 + 1, math.MaxInt64} {
		c := NewCoverage(size)
		if n := c.granules(); n > maxGranules {
			t.Errorf("%d bytes: %d granules", size, n)
		}
		c.Mark(WasRead, 0, size)
		if got := c.Covered(); got.Read != size {
			t.Errorf("%d bytes: %+v", size, got)
		}
	}
}

func TestMarkingAgainDoesNotAllocate(t *testing.T) {
	c := NewCoverage(1 << 30)
	if n := testing.AllocsPerRun(100, func() { c.Mark(WasRead, 12345, 1<<20) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCoverageMark(b *testing.B) {
	c := NewCoverage(1 << 30)
	for i := range b.N {
		c.Mark(WasRead, uint64(i)<<12&(1<<30-1), 4096)
	}
}

func TestTheMapTellsWhatWasTouchedWhere(t *testing.T) {
	const g = 1 << granuleBits
	c := NewCoverage(100*g + 5)
	c.Mark(WasRead, 0, 10*g)
	c.Mark(WasWritten, 5*g, 10*g)
	c.Mark(WasZeroed, 20*g, g)
	c.Mark(IsHole, 30*g, 30*g)
	c.Mark(HasFailed, 99*g, 1)
	c.Mark(WasRead, 100*g, 5)
	m := c.Map(0, c.Size(), 10)
	want := []Stretch{
		{Read: 10 * g, Written: 5 * g}, {Written: 5 * g}, {Zeroed: g}, {Holes: 10 * g}, {Holes: 10 * g},
		{Holes: 10 * g}, {}, {}, {}, {Read: 5, Failed: g},
	}
	for i := range want {
		want[i].Bytes = 10 * g
	}
	want[9].Bytes += 5
	if !slices.Equal(m, want) {
		t.Errorf("%+v\nwant %+v", m, want)
	}
	if m := c.Map(4*g, 2*g, 4); !slices.Equal(m, []Stretch{{g, g, 0, 0, 0, 0}, {g, g, 0, 0, 0, 0}, {g, g, g, 0, 0, 0}, {g, g, g, 0, 0, 0}}) {
		t.Errorf("cells smaller than a granule: %+v", m)
	}
	for _, m := range [][]Stretch{c.Map(0, 0, 3), c.Map(c.Size(), 1, 3), c.Map(0, c.Size(), 0), c.Map(0, c.Size(), -1), NewCoverage(0).Map(0, 1, 1)} {
		if m != nil {
			t.Errorf("of nothing: %+v", m)
		}
	}
	// Every byte is in one cell, whatever the sizes.
	for _, size := range []uint64{1, g, 7*g + 3, 1 << 40, math.MaxInt64} {
		c := NewCoverage(size)
		c.Mark(WasRead, 0, size)
		var sum uint64
		cells := int(min(c.granules(), 1513))
		for _, s := range c.Map(0, size, cells) {
			sum += s.Read
			if s.Bytes != s.Read {
				t.Errorf("a cell of %d bytes, %d of them read", s.Bytes, s.Read)
			}
		}
		if sum != size {
			t.Errorf("%d bytes in %d cells: %d in all", size, cells, sum)
		}
	}
}

func BenchmarkMap(b *testing.B) {
	c := NewCoverage(1 << 40)
	b.ReportAllocs()
	for b.Loop() {
		c.Map(0, c.Size(), 1568)
	}
}
