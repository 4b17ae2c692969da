package transfer

import (
	"context"
	"fmt"

	"example.com/nbdtui/internal/block"
)

// statusRange is how much is asked about at once: much, because an answer costs a round trip, and not all, because a
// server may have to look at each block.
const statusRange = 1 << 30

// plan cuts a disk of a known size into pieces, along its holes. What is ahead of off is data up to data, then a hole
// up to hole, and then what the extents say, from pos on.
type plan struct {
	label  string
	total  uint64
	limits limits
	look   func(ctx context.Context, off, n uint64, list []block.Extent) ([]block.Extent, error)

	off, data, hole, pos uint64
	extents              []block.Extent // not looked at yet
	memory               []block.Extent // for extents
}

func (p *plan) name() string         { return p.label }
func (p *plan) size() (uint64, bool) { return p.total, true }
func (p *plan) cut(l limits)         { p.limits = l }

func (p *plan) next(ctx context.Context, q *piece) (bool, error) {
	for p.data == p.hole && p.data-p.off < p.limits.largest && p.pos < p.total {
		if err := p.advance(ctx); err != nil {
			return false, fmt.Errorf("find holes in %s at offset %d: %w", p.label, p.pos, cause(err))
		}
	}
	q.off, q.hole = p.off, p.off == p.data
	if q.hole {
		q.n = min(p.hole-p.off, holeSize)
		p.data += q.n
	} else {
		q.n = min(p.data-p.off, p.limits.largest)
	}
	p.off += q.n
	return q.n > 0, nil
}

// advance takes one extent. A hole shrinks to whole blocks, and data grows to them.
func (p *plan) advance(ctx context.Context) error {
	if len(p.extents) == 0 {
		list, err := p.look(ctx, p.pos, min(p.total-p.pos, statusRange), p.memory[:0])
		if err != nil {
			return err
		}
		p.memory, p.extents = list, list
	}
	e := p.extents[0]
	p.extents = p.extents[1:]
	start, end := p.up(p.pos), p.pos+e.Length
	p.pos = end
	if hole := p.down(end); e.Flags&block.Zero != 0 && start < hole {
		p.data, p.hole = start, hole
		return nil
	}
	p.data = p.up(end)
	p.hole = p.data
	return nil
}

// up and down round to blocks; the disk's end is one.
func (p *plan) up(off uint64) uint64 { return min((off+p.limits.align-1)&^(p.limits.align-1), p.total) }

func (p *plan) down(off uint64) uint64 {
	if off == p.total {
		return off
	}
	return off &^ (p.limits.align - 1)
}
