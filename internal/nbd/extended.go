package nbd

import (
	"context"
	"fmt"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// What extended headers add to requests: payloads that say of themselves that they are there, and lengths of 64 bits
// ("Extended request message").

// payload takes care of the payload of an extended request, all but a write's: answered is true where the request was
// refused, and the stream is in step. A write has a payload only if it says so.
func (c *conn) payload(h *wire.Request) (answered bool, err error) {
	announced := h.Flags&wire.FlagPayloadLen != 0
	h.Flags &^= wire.FlagPayloadLen
	if announced && h.Length > drainPayload {
		return true, violation(fmt.Sprintf("a payload of %d bytes", h.Length))
	}
	switch {
	case announced == (h.Type == wire.CmdWrite):
		return false, nil
	case !announced:
		return true, c.refuseHeader(h, errLength)
	}
	c.mayWaitFor(h.Length)
	if h.Type == wire.CmdBlockStatus && c.contexts.allocation && h.Length <= inputSize/2 {
		return c.statusPayload(h)
	}
	if err := c.in.discard(h.Length); err != nil {
		return true, err
	}
	return true, c.refuseHeader(h, errExtra)
}

// statusPayload reads which of the negotiated contexts are asked for. There is one.
func (c *conn) statusPayload(h *wire.Request) (answered bool, err error) {
	if err := c.in.fill(int(h.Length)); err != nil {
		return true, err
	}
	p, ok := wire.DecodeStatusPayload(c.in.next(int(h.Length)))
	if !ok || !p.Only(allocationID) {
		return true, c.refuseHeader(h, errFilter)
	}
	h.Length = p.Length
	return false, nil
}

// refuseHeader answers a request of which no more than the header is known.
func (c *conn) refuseHeader(h *wire.Request, err error) error {
	c.reply(&job{tag: c.tag(*h)}, nil, err, false)
	return nil
}

// sliceSize is how much of a request without data is done at once: between two slices it can be cancelled, and a pause
// need not wait for all of it.
const sliceSize = 1 << 30

// long reports a request that is served in slices. One that must be fast is not: it may not fail halfway.
func long(r *block.Request) bool {
	switch r.Cmd {
	case block.Trim, block.WriteZeroes, block.Cache, block.BlockStatus:
		return r.Length > sliceSize && r.Flags&block.FastZero == 0
	}
	return false
}

// serveSlices serves a request, a long one slice by slice.
func (c *conn) serveSlices(ctx context.Context, r block.Request, a *block.Answer) error {
	for long(&r) {
		slice := r
		slice.Length = sliceSize
		told := a.Reply().Len()
		if err := c.export.door.Serve(ctx, slice, a.Reply()); err != nil {
			return unlessTold(told, err)
		}
		told = a.Reply().Len() - told
		if r.Cmd == block.BlockStatus && (told < sliceSize || r.Flags&block.ReqOne != 0 || len(a.Extents()) >= wire.MaxExtents) {
			return nil // the client asks again for the rest
		}
		r.Offset, r.Length = r.Offset+sliceSize, r.Length-sliceSize
		if ctx.Err() != nil || c.demand.Load() == demandStop {
			return unlessTold(a.Reply().Len(), block.ErrShutdown)
		}
	}
	told := a.Reply().Len()
	return unlessTold(told, c.export.door.Serve(ctx, r, a.Reply()))
}

// unlessTold is err, or nil where a block status has found something out already.
func unlessTold(told uint64, err error) error {
	if told > 0 {
		return nil
	}
	return err
}

// merged makes neighbours one that came in different slices.
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
