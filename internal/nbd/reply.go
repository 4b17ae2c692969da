package nbd

import (
	"math"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// reply answers a request with what is in a, or with err. It takes a, which may be nil beside an error. With now the
// reply is sent at once, else when a batch is full or the reader flushes.
func (c *conn) reply(j *job, a *block.Answer, err error, now bool) {
	b := c.out.open()
	if b == nil { // nobody will read it
		if a != nil {
			a.Put()
		}
		c.account.give(j.charged)
		return
	}
	b.replies++
	if a != nil {
		b.answers = append(b.answers, a)
	}
	if j.charged > smallRequest {
		b.charged = append(b.charged, j.charged)
	}
	switch {
	case err != nil && c.structured:
		b.head(wire.AppendErrorChunk(b.heads, j.tag, errno(err, j), reason(err)))
	case err != nil:
		b.head(wire.AppendSimpleReply(b.heads, errno(err, j), j.tag.Cookie))
	case j.Cmd == block.Read && c.structured:
		b.chunks(j, a.Segments())
	case j.Cmd == block.BlockStatus && c.structured:
		b.blockStatus(j, aligned(a.Extents(), uint64(c.export.info.MinBlock)))
	case c.extended:
		b.head(wire.AppendNoneChunk(b.heads, j.tag))
	default:
		b.head(wire.AppendSimpleReply(b.heads, 0, j.tag.Cookie))
		if j.Cmd == block.Read {
			for _, s := range a.Segments() {
				b.segment(s)
			}
		}
	}
	c.out.commit(now)
}

// chunks adds the reply to a read: a chunk for each stretch of data and each hole, or one in all where the client
// does not want it in pieces ("NBD_CMD_FLAG_DF").
func (b *batch) chunks(j *job, segments []block.Segment) {
	if len(segments) == 0 {
		b.head(wire.AppendNoneChunk(b.heads, j.tag))
		return
	}
	for at := j.Offset; len(segments) > 0; {
		count, n := stretch(segments, j.whole)
		var flags uint16
		if count == len(segments) {
			flags = wire.ChunkDone
		}
		if hole(segments[0]) && count == 1 {
			b.head(wire.AppendHoleChunk(b.heads, flags, j.tag, at, n))
		} else {
			b.head(wire.AppendDataChunk(b.heads, flags, j.tag, at, n))
			for _, s := range segments[:count] {
				b.segment(s)
			}
		}
		at += n
		segments = segments[count:]
	}
}

// stretch is how many segments from the first on make one chunk, and how many bytes they are.
func stretch(segments []block.Segment, whole bool) (count int, n uint64) {
	for _, s := range segments {
		if !whole && count > 0 && (hole(s) || hole(segments[0])) {
			break
		}
		count++
		n += s.N
	}
	return count, n
}

func hole(s block.Segment) bool { return s.Data == nil && s.Pipe == nil }

// blockStatus adds the reply to a block status. An extent that 32 bits cannot tell is cut without extended headers, and
// the last one then: the client asks again for what is left.
func (b *batch) blockStatus(j *job, extents []block.Extent) {
	longest := uint64(wire.MaxExtent)
	if j.tag.Extended {
		longest = math.MaxInt64
	}
	count := 0
	for count < min(len(extents), wire.MaxExtents) {
		count++
		if extents[count-1].Length > longest {
			break
		}
	}
	heads := wire.AppendBlockStatusChunk(b.heads, j.tag, allocationID, count)
	for _, e := range extents[:count] {
		heads = wire.AppendExtent(heads, j.tag, min(e.Length, longest), uint32(e.Flags))
	}
	b.bytes += uint64(len(heads) - len(b.heads))
	b.head(heads)
}

// aligned has extents begin and end on multiples of unit, as the range does ("NBD_CMD_BLOCK_STATUS"): a block in which
// one ends is what both are, and one of which nothing more is known is data, or left for the client to ask again.
func aligned(extents []block.Extent, unit uint64) []block.Extent {
	if unit <= 1 {
		return extents
	}
	var list []block.Extent
	var part block.Extent // of a block, behind list
	for _, e := range extents {
		if part.Length > 0 {
			n := min(e.Length, unit-part.Length)
			part = block.Extent{Length: part.Length + n, Flags: part.Flags & e.Flags}
			if e.Length -= n; part.Length < unit {
				continue
			}
			list = append(list, part)
		}
		part = block.Extent{Length: e.Length % unit, Flags: e.Flags}
		if e.Length -= part.Length; e.Length > 0 {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return []block.Extent{{Length: unit}}
	}
	return merged(list)
}

// merged makes neighbours that are the same one.
func merged(extents []block.Extent) []block.Extent {
	n := 0
	for _, e := range extents {
		if n > 0 && extents[n-1].Flags == e.Flags {
			extents[n-1].Length += e.Length
			continue
		}
		extents[n] = e
		n++
	}
	return extents[:n]
}
