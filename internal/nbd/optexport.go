package nbd

import (
	"fmt"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// optExportName is NBD_OPT_EXPORT_NAME. It has no way to say no: a name that is not served ends the connection.
func (c *conn) optExportName(o option) error {
	if c.extended {
		return violation("NBD_OPT_EXPORT_NAME after extended headers")
	}
	if o.Length > wire.MaxString {
		return violation("an export name longer than 4096 bytes")
	}
	name, fault := exportName(o.data)
	if fault != "" {
		return violation(fault)
	}
	if err := c.open(name); err != nil {
		return err
	}
	if err := c.say(wire.AppendExport(nil, c.export.info.Size, c.flags(), c.noZeroes)); err != nil {
		return err
	}
	return errTransmission
}

// optInfo is NBD_OPT_INFO: GO without going.
func (c *conn) optInfo(o option) error {
	_, err := c.tell(o)
	return err
}

// optGo is NBD_OPT_GO.
func (c *conn) optGo(o option) error {
	told, err := c.tell(o)
	if told && err == nil {
		return errTransmission
	}
	return err
}

// tell opens the export and tells about it; told is false where the answer was an error.
func (c *conn) tell(o option) (told bool, err error) {
	r, ok := wire.DecodeInfoRequest(o.data)
	if !ok {
		return false, c.invalid(o, "the lengths do not fit together")
	}
	name, fault := exportName(r.Name)
	if fault != "" {
		return false, c.invalid(o, fault)
	}
	if err := c.open(name); err != nil {
		code, text := openFault(name, err)
		return false, c.refuse(o, code, text)
	}
	i := &c.export.info
	b := wire.AppendInfoExport(nil, o.Type, i.Size, c.flags())
	if r.Asks(wire.InfoName) {
		b = wire.AppendInfoText(b, o.Type, wire.InfoName, clean(c.export.name))
	}
	if r.Asks(wire.InfoDescription) && i.Description != "" {
		b = wire.AppendInfoText(b, o.Type, wire.InfoDescription, clean(i.Description))
	}
	// Told unasked too: a client may ignore it, and one that does not is spared guessing.
	minimum, preferred, maximum := blockSizes(i)
	b = wire.AppendInfoBlockSize(b, o.Type, minimum, preferred, maximum)
	return true, c.acknowledge(o, b)
}

func blockSizes(i *block.Info) (minimum, preferred, maximum uint32) {
	minimum, preferred, maximum = max(i.MinBlock, 1), i.PreferredBlock, wire.MaxPayload
	if preferred == 0 {
		preferred = 4096
	}
	if i.MaxBlock != 0 {
		maximum = min(maximum, i.MaxBlock)
	}
	return minimum, min(max(preferred, minimum), maximum), maximum
}

// opened is the event of a client that has reached transmission.
func (c *conn) opened() string {
	text := fmt.Sprintf("opened export %q", c.export.name)
	if c.tls != "" {
		text += ", TLS " + c.tls
	}
	for _, o := range c.options {
		text += ", " + o
	}
	return text
}
