package transfer

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"example.com/nbdtui/internal/block"
)

// However the extents lie, the pieces cover the disk once and in order, keep to the blocks, and no piece that is to be
// a hole has data in it; and where nothing is to be rounded, no data piece has a hole in it either.
func TestAPlanCoversTheDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		align := uint64(1) << rapid.IntRange(0, 4).Draw(t, "align")
		total := uint64(rapid.IntRange(0, 300).Draw(t, "blocks"))*align + uint64(rapid.IntRange(0, 1).Draw(t, "odd"))*min(align-1, 3)
		zero := rapid.SliceOfN(rapid.Bool(), int(total), int(total)).Draw(t, "zero")
		p := plan{label: "disk", total: total, limits: limits{align: align, largest: align * uint64(rapid.IntRange(1, 5).Draw(t, "largest"))}}
		p.look = func(_ context.Context, off, n uint64, list []block.Extent) ([]block.Extent, error) {
			n = min(n, uint64(rapid.IntRange(1, 40).Draw(t, "asked")))
			for ; n > 0; n, off = n-1, off+1 {
				e := block.Extent{Length: 1}
				if zero[off] {
					e.Flags = block.Zero
				}
				if last := len(list) - 1; last >= 0 && list[last].Flags == e.Flags {
					list[last].Length++
				} else {
					list = append(list, e)
				}
			}
			return list, nil
		}
		var q piece
		at := uint64(0)
		for {
			more, err := p.next(context.Background(), &q)
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			if q.off != at || q.n == 0 || q.off%align != 0 || q.n%align != 0 && q.off+q.n != total || !q.hole && q.n > p.limits.largest {
				t.Fatalf("a piece of %d at %d, hole %v, after %d of %d", q.n, q.off, q.hole, at, total)
			}
			at += q.n
			for _, z := range zero[q.off:at] {
				if q.hole && !z || align == 1 && !q.hole && z {
					t.Fatalf("a piece of %d at %d is taken for hole %v", q.n, q.off, q.hole)
				}
			}
		}
		if at != total {
			t.Fatalf("%d of %d", at, total)
		}
	})
}

// What the smaller side takes at once may be no multiple of the other one's blocks.
func TestLimitsOfBothSides(t *testing.T) {
	for _, c := range []struct{ a, b, want limits }{
		{free, free, free},
		{limits{512, 6144}, limits{4096, pieceSize}, limits{4096, 4096}},
		{limits{4096, pieceSize}, limits{1, 5000}, limits{4096, 4096}},
		{limits{512, 2048}, limits{4096, 8192}, limits{4096, 0}},
	} {
		if both, ok := c.a.with(c.b); both != c.want || ok != (c.want.largest > 0) {
			t.Errorf("%v with %v is %v, %v, want %v", c.a, c.b, both, ok, c.want)
		}
	}
}
