package nbd

import (
	"fmt"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// One method per command: which flags it takes, and what it asks of the door ("Request types"). What the export can
// do and where it ends is for the door to check.

func (c *conn) cmdRead(h wire.Request) error {
	j := c.job(h, block.Read)
	j.whole = h.Flags&wire.FlagDF != 0
	switch {
	case h.Length > wire.MaxPayload:
		return c.refuseRequest(&j, errPayload)
	case j.whole && !c.structured:
		return c.refuseRequest(&j, errFlags)
	}
	return c.start(&j, h, wire.FlagDF)
}

func (c *conn) cmdFlush(h wire.Request) error {
	j := c.job(h, block.Flush)
	if h.Offset != 0 || h.Length != 0 {
		return c.refuseRequest(&j, errReserved)
	}
	return c.start(&j, h, 0)
}

func (c *conn) cmdTrim(h wire.Request) error {
	j := c.job(h, block.Trim)
	return c.start(&j, h, 0)
}

func (c *conn) cmdCache(h wire.Request) error {
	j := c.job(h, block.Cache)
	return c.start(&j, h, 0)
}

func (c *conn) cmdWriteZeroes(h wire.Request) error {
	j := c.job(h, block.WriteZeroes)
	if h.Flags&wire.FlagNoHole == 0 {
		j.Flags |= block.MayTrim
	}
	if h.Flags&wire.FlagFastZero != 0 {
		j.Flags |= block.FastZero
	}
	return c.start(&j, h, wire.FlagNoHole|wire.FlagFastZero)
}

func (c *conn) cmdBlockStatus(h wire.Request) error {
	j := c.job(h, block.BlockStatus)
	if !c.contexts.allocation {
		return c.refuseRequest(&j, errContext)
	}
	if h.Flags&wire.FlagReqOne != 0 {
		j.Flags |= block.ReqOne
	}
	return c.start(&j, h, wire.FlagReqOne)
}

// cmdWrite reads the payload whatever becomes of the request, but takes memory for it only where the door would have
// it. A payload that ends early is not written at all.
func (c *conn) cmdWrite(h wire.Request) error {
	j := c.job(h, block.Write)
	if h.Length > drainPayload {
		return violation(fmt.Sprintf("a write of %d bytes", h.Length))
	}
	refused := c.check(&j, h, 0)
	if h.Length > wire.MaxPayload {
		refused = errPayload
	}
	c.mayWaitFor(j.Length)
	switch {
	case refused != nil:
		if err := c.in.discard(j.Length); err != nil {
			return err
		}
		return c.refuseRequest(&j, refused)
	case j.Length < inputLong, j.Length <= inputMost/2 && c.server.cfg.Prompt && c.in.grow(), j.Length <= inputSize/2:
		if err := c.in.fill(int(j.Length)); err != nil {
			return err
		}
		j.Data = c.in.next(int(j.Length))
	default:
		if !c.account.take(j.Length, c.out.flush) {
			return block.ErrShutdown
		}
		j.charged = j.Length
		j.payload = block.GetPayload(int(j.Length))
		j.Data = j.payload.Bytes(int(j.Length))
		if err := c.in.read(j.Data); err != nil {
			c.settle(&j)
			return err
		}
	}
	return c.dispatch(&j)
}
