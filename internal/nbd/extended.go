package nbd

import (
	"fmt"

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
