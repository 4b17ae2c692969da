package block

import (
	"math/bits"
	"sync/atomic"
)

// Touch is what has happened to a stretch of an export.
type Touch uint8

const (
	WasRead    Touch = iota
	WasWritten       // with bytes
	WasZeroed        // or trimmed
	IsHole           // reported as a hole by a block status
	HasFailed        // a request for it

	touches = 5
)

// granules are the least stretch that is remembered, 64 KiB, and how many there are at most: a larger export has
// larger granules, so that the map takes no more than 5 x 128 KiB.
const (
	granuleBits = 16
	maxGranules = 1 << 20
)

// Coverage remembers which parts of an export were touched, one bit a granule and kind. All clients mark the same one,
// concurrently; a second pass over the same range only reads.
type Coverage struct {
	size  uint64 // bytes
	shift uint   // a granule is 1<<shift bytes
	bits  [touches][]atomic.Uint64
}

// NewCoverage makes the map of an export with nothing touched.
func NewCoverage(size uint64) *Coverage {
	c := &Coverage{size: size, shift: granuleBits}
	for c.granules() > maxGranules {
		c.shift++
	}
	words := (c.granules() + 63) / 64
	for t := range c.bits {
		c.bits[t] = make([]atomic.Uint64, words)
	}
	return c
}

// Size is the export's, in bytes.
func (c *Coverage) Size() uint64 { return c.size }

func (c *Coverage) granules() uint64 { return (c.size + 1<<c.shift - 1) >> c.shift }

// Mark notes that the range was touched. A granule counts as soon as any part of it was, but as a hole only if all of
// it is one.
func (c *Coverage) Mark(t Touch, off, n uint64) {
	if n == 0 || off >= c.size {
		return
	}
	first, end := off>>c.shift, (min(off+n, c.size)-1)>>c.shift+1
	if t == IsHole {
		first = (off + 1<<c.shift - 1) >> c.shift
		if off+n < c.size {
			end = (off + n) >> c.shift
		}
	}
	words := c.bits[t]
	for g := first; g < end; {
		word, from := g/64, g%64
		count := min(64-from, end-g)
		mask := (^uint64(0) >> (64 - count)) << from
		if w := &words[word]; w.Load()&mask != mask {
			w.Or(mask)
		}
		g += count
	}
}

// Reset forgets what was touched. What is marked meanwhile may be forgotten, or not.
func (c *Coverage) Reset() {
	for _, words := range c.bits {
		for i := range words {
			words[i].Store(0)
		}
	}
}

// Covered is how much of an export is known, in bytes.
type Covered struct {
	Size    uint64
	Read    uint64 // was read, or is a known hole that need not be
	Written uint64 // zeroed and trimmed too
	Holes   uint64 // known, and neither read nor written
}

// Covered sums up. It takes time in proportion to the map: at most about 65,000 words.
func (c *Coverage) Covered() Covered {
	var read, written, holes int
	for i := range c.bits[WasRead] {
		r, w, h := c.bits[WasRead][i].Load(), c.bits[WasWritten][i].Load()|c.bits[WasZeroed][i].Load(), c.bits[IsHole][i].Load()
		read += bits.OnesCount64(r | h)
		written += bits.OnesCount64(w)
		holes += bits.OnesCount64(h &^ (r | w))
	}
	n := Covered{Size: c.size}
	// The last granule may be short; counted whole it would make more than there is.
	bytes := func(granules int) uint64 { return min(uint64(granules)<<c.shift, c.size) }
	n.Read, n.Written, n.Holes = bytes(read), bytes(written), bytes(holes)
	return n
}

// Stretch is what is known of a part of an export: its size, and how many bytes of it were touched in which way. The
// same bytes may count in several.
type Stretch struct{ Bytes, Read, Written, Zeroed, Holes, Failed uint64 }

// Add joins another stretch to s.
func (s *Stretch) Add(o Stretch) {
	s.Bytes += o.Bytes
	s.Read += o.Read
	s.Written += o.Written
	s.Zeroed += o.Zeroed
	s.Holes += o.Holes
	s.Failed += o.Failed
}

// Granule is the least stretch that is told apart, in bytes.
func (c *Coverage) Granule() uint64 { return 1 << c.shift }

// Map looks at n bytes from off on, in so many cells, as if every granule were in one cell. Cells smaller than a
// granule share what is known of it.
func (c *Coverage) Map(off, n uint64, cells int) []Stretch {
	off = min(off, c.size)
	n = min(n, c.size-off)
	if n == 0 || cells <= 0 {
		return nil
	}
	list := make([]Stretch, cells)
	first, end := off>>c.shift, (off+n-1)>>c.shift+1
	for i := range list {
		from := first + (end-first)*uint64(i)/uint64(cells)
		to := max(first+(end-first)*uint64(i+1)/uint64(cells), from+1)
		s := &list[i]
		s.Bytes = min(to<<c.shift, c.size) - from<<c.shift
		for t, sum := range [touches]*uint64{WasRead: &s.Read, WasWritten: &s.Written, WasZeroed: &s.Zeroed, IsHole: &s.Holes, HasFailed: &s.Failed} {
			*sum = c.bytes(Touch(t), from, to)
		}
	}
	return list
}

// bytes is how much of the granules in [from, to) was touched so.
func (c *Coverage) bytes(t Touch, from, to uint64) uint64 {
	var granules uint64
	for g := from; g < to; {
		count := min(64-g%64, to-g)
		mask := (^uint64(0) >> (64 - count)) << (g % 64)
		granules += uint64(bits.OnesCount64(c.bits[t][g/64].Load() & mask))
		g += count
	}
	n := granules << c.shift
	if last := c.granules() - 1; to > last && c.bits[t][last/64].Load()&(1<<(last%64)) != 0 {
		n -= (last+1)<<c.shift - c.size // it may be short
	}
	return n
}
