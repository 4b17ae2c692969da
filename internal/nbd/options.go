package nbd

import (
	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// optAbort is NBD_OPT_ABORT: acknowledged, whether or not the client still listens.
func (c *conn) optAbort(o option) error {
	c.acknowledge(o, nil)
	return errAborted
}

// optTooLate answers every option of a client that is told to go ("NBD_REP_ERR_SHUTDOWN").
func (c *conn) optTooLate(o option) error {
	switch o.Type {
	case wire.OptAbort:
		return c.optAbort(o)
	case wire.OptExportName:
		return block.ErrShutdown
	}
	return c.refuse(o, wire.RepErrShutdown, "the server is shutting down")
}

// optStructuredReply is NBD_OPT_STRUCTURED_REPLY; asking twice is asking once.
func (c *conn) optStructuredReply(o option) error {
	if o.Length != 0 {
		return c.invalid(o, "this option takes no data")
	}
	if c.server.cfg.NoStructuredReplies {
		return c.refuse(o, wire.RepErrUnsup, "structured replies are turned off")
	}
	if c.extended {
		return c.refuse(o, wire.RepErrExtHeaderReqd, "extended headers were negotiated, and have structured replies")
	}
	c.structured = true
	return c.acknowledge(o, nil)
}

// optExtendedHeaders is NBD_OPT_EXTENDED_HEADERS, which brings structured replies along.
func (c *conn) optExtendedHeaders(o option) error {
	if o.Length != 0 {
		return c.invalid(o, "this option takes no data")
	}
	if c.server.cfg.NoStructuredReplies {
		return c.refuse(o, wire.RepErrUnsup, "structured replies are turned off")
	}
	c.structured, c.extended = true, true
	return c.acknowledge(o, nil)
}

// optList is NBD_OPT_LIST.
func (c *conn) optList(o option) error {
	if o.Length != 0 {
		return c.invalid(o, "this option takes no data")
	}
	exports, err := c.server.cfg.List(c.ctx, c.listRequest())
	if err != nil {
		c.event(Warning, "was not told the exports: %v", err)
		return c.refuse(o, wire.RepErrUnknown, "the exports cannot be listed")
	}
	var b []byte
	for _, e := range exports {
		if _, fault := exportName([]byte(e.Name)); fault == "" { // else nobody could ask for it
			b = wire.AppendServer(b, o.Type, e.Name, clean(e.Description))
		}
	}
	return c.acknowledge(o, b)
}
