package client

import (
	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// chunk takes a structured reply chunk ("Structured reply chunk message", "Extended reply chunk message").
func (c *Client) chunk(extended bool) error {
	size, decode := wire.ChunkSize, wire.DecodeChunk
	if extended {
		size, decode = wire.ExtendedChunkSize, wire.DecodeExtendedChunk
	}
	b, err := c.rest(size)
	if err != nil {
		return err
	}
	h := decode(b)
	if !c.info.Structured || c.info.Extended != extended {
		return broken("a reply in a form that was not agreed")
	}
	r, err := c.find(h.Cookie)
	if err != nil {
		return err
	}
	if extended && h.Offset != r.off {
		return broken("a reply to offset %d, and %d was asked for", h.Offset, r.off)
	}
	done := h.Flags&wire.ChunkDone != 0
	switch {
	case h.Flags&^wire.ChunkDone != 0:
		err = broken("chunk flags %#x", h.Flags)
	case h.Type == wire.ChunkNone && (h.Length != 0 || !done):
		err = broken("an empty chunk of %d bytes that is not the last", h.Length)
	case h.Type == wire.ChunkNone:
	case h.Type == wire.ChunkData && r.cmd == wire.CmdRead:
		err = c.dataChunk(r, h.Length)
	case h.Type == wire.ChunkHole && r.cmd == wire.CmdRead:
		err = c.holeChunk(r, h.Length)
	case h.Type == wire.ChunkBlockStatus && r.cmd == wire.CmdBlockStatus && !extended:
		err = c.statusChunk(r, h.Length)
	case h.Type == wire.ChunkStatusLong && r.cmd == wire.CmdBlockStatus && extended:
		err = c.longStatusChunk(r, h.Length)
	case h.Type.IsError():
		err = c.errorChunk(r, h.Type, h.Length)
	default:
		err = broken("a chunk of type %d in the answer to a %s", h.Type, r.op)
	}
	if err != nil || !done {
		return err
	}
	switch {
	case r.err != nil:
	case r.cmd == wire.CmdRead && !r.covered.whole(r.n):
		return broken("a read of %d bytes is answered with parts missing", r.n)
	case r.cmd == wire.CmdBlockStatus && len(r.extents) == 0:
		return broken("no extents in the answer to a block status")
	}
	c.answered(h.Cookie, r)
	return nil
}

func (c *Client) dataChunk(r *request, length uint64) error {
	if length <= wire.DataHeadSize {
		return broken("a data chunk of %d bytes", length)
	}
	b, err := c.in.body(wire.DataHeadSize)
	if err != nil {
		return err
	}
	n := length - wire.DataHeadSize
	start, err := r.cover(wire.DecodeOffset(b), n)
	if err != nil {
		return err
	}
	return c.fill(r, start, n)
}

func (c *Client) holeChunk(r *request, length uint64) error {
	if length != wire.HoleSize {
		return broken("a hole chunk of %d bytes", length)
	}
	b, err := c.in.body(wire.HoleSize)
	if err != nil {
		return err
	}
	offset, n := wire.DecodeHole(b)
	start, err := r.cover(offset, n)
	if err != nil {
		return err
	}
	c.zero(r, start, n)
	return nil
}

// cover notes that n bytes from offset on have come, and says where in the request they stand. Chunks come in any
// order, and none twice ("Structured reply types").
func (r *request) cover(offset, n uint64) (start uint64, err error) {
	if n == 0 || offset < r.off || offset-r.off > r.n || n > r.n-(offset-r.off) {
		return 0, broken("%d bytes at offset %d in the answer to a read of %d at %d", n, offset, r.n, r.off)
	}
	start = offset - r.off
	if !r.covered.add(start, start+n) {
		return 0, broken("%d bytes at offset %d came twice, or in too many parts", n, offset)
	}
	return start, nil
}

// statusChunk takes the extents of base:allocation ("NBD_REPLY_TYPE_BLOCK_STATUS").
func (c *Client) statusChunk(r *request, length uint64) error {
	n := (length - wire.StatusHeadSize) / wire.ExtentSize
	if length < wire.StatusHeadSize+wire.ExtentSize || (length-wire.StatusHeadSize)%wire.ExtentSize != 0 || n > wire.MaxExtents {
		return broken("a block status chunk of %d bytes", length)
	}
	b, err := c.in.body(wire.StatusHeadSize)
	if err != nil {
		return err
	}
	if err := c.beginStatus(r, wire.DecodeContext(b)); err != nil {
		return err
	}
	for range n {
		if b, err = c.in.body(wire.ExtentSize); err != nil {
			return err
		}
		if err := r.extent(wire.DecodeExtent(b)); err != nil {
			return err
		}
	}
	return nil
}

// longStatusChunk takes the same with extended headers ("NBD_REPLY_TYPE_BLOCK_STATUS_EXT").
func (c *Client) longStatusChunk(r *request, length uint64) error {
	if length < wire.StatusLongHeadSize {
		return broken("a block status chunk of %d bytes", length)
	}
	b, err := c.in.body(wire.StatusLongHeadSize)
	if err != nil {
		return err
	}
	id, n := wire.DecodeStatusLongHead(b)
	if n == 0 || n > wire.MaxExtents || length != wire.StatusLongHeadSize+wire.LongExtentSize*uint64(n) {
		return broken("a block status chunk of %d bytes for %d extents", length, n)
	}
	if err := c.beginStatus(r, id); err != nil {
		return err
	}
	for range n {
		if b, err = c.in.body(wire.LongExtentSize); err != nil {
			return err
		}
		length, flags := wire.DecodeLongExtent(b)
		if err := r.extent(length, uint32(flags)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) beginStatus(r *request, context uint32) error {
	if context != c.context || r.status {
		return broken("a block status of a context that was not asked for, or twice")
	}
	r.status = true
	return nil
}

// extent takes one; only the last may go on behind the request.
func (r *request) extent(length uint64, flags uint32) error {
	if length == 0 || r.total >= r.n {
		return broken("an extent of %d bytes after %d of %d", length, r.total, r.n)
	}
	length = min(length, r.n-r.total)
	r.total += length
	r.extents = append(r.extents, block.Extent{Length: length, Flags: block.ExtentFlags(flags) & (block.Hole | block.Zero)})
	return nil
}

// maxError is the longest error chunk that is taken: a text, and what an unknown type may add.
const maxError = wire.ErrorHeadSize + 2*wire.MaxString

// errorChunk takes any kind of error; the first one counts.
func (c *Client) errorChunk(r *request, t wire.ChunkType, length uint64) error {
	if length < wire.ErrorHeadSize || length > maxError {
		return broken("an error chunk of %d bytes", length)
	}
	b, err := c.in.body(wire.ErrorHeadSize)
	if err != nil {
		return err
	}
	e, n := wire.DecodeErrorHead(b)
	rest := length - wire.ErrorHeadSize - uint64(n)
	switch {
	case e == 0:
		return broken("an error chunk without an error")
	case n > wire.MaxString || uint64(n) > length-wire.ErrorHeadSize,
		t == wire.ChunkError && rest != 0, t == wire.ChunkErrorOffset && rest != wire.DataHeadSize:
		return broken("an error chunk of %d bytes with a text of %d", length, n)
	}
	if b, err = c.in.body(int(n)); err != nil {
		return err
	}
	if r.err == nil {
		r.err, r.text = errno(e), text(b)
	}
	return c.in.skip(rest)
}
