package block

import (
	"math"
	"testing"
)

func TestCoverageCountsWhatWasTouched(t *testing.T) {
	const granule = 1 << granuleBits
	c := NewCoverage(200*granule + 1000)
	if got := c.Covered(); got != (Covered{Size: 200*granule + 1000}) {
		t.Errorf("before anything: %+v", got)
	}
	c.Mark(WasRead, 0, 1)                       // a granule is touched as soon as any of it is
	c.Mark(WasRead, 63*granule, 2*granule)      // over the edge of a word
	c.Mark(WasWritten, 10*granule-1, 2)         // two granules
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
