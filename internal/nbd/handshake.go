package nbd

import (
	"errors"
	"fmt"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// agreed is what was haggled out.
type agreed struct {
	fixed      bool // the client speaks fixed newstyle
	noZeroes   bool
	structured bool // replies come in chunks
	extended   bool // with extended headers, and requests too
	contexts   selection
}

var (
	errTransmission = errors.New("haggling is over, transmission begins")
	errAborted      = errors.New("the client asked to end the handshake")
)

// option is what the client haggles about, with its data whole. Where Length is above maxOption, data is nil.
type option struct {
	wire.Option
	data []byte // valid until the option is answered
}

// optionHandlers answer the options. What is missing here is answered NBD_REP_ERR_UNSUP.
var optionHandlers = map[wire.OptionType]func(*conn, option) error{
	wire.OptExportName:      (*conn).optExportName,
	wire.OptAbort:           (*conn).optAbort,
	wire.OptList:            (*conn).optList,
	wire.OptInfo:            (*conn).optInfo,
	wire.OptGo:              (*conn).optGo,
	wire.OptStructuredReply: (*conn).optStructuredReply,
	wire.OptListMetaContext: (*conn).optListMetaContext,
	wire.OptSetMetaContext:  (*conn).optSetMetaContext,
	wire.OptStartTLS:        (*conn).optStartTLS,
	wire.OptExtendedHeaders: (*conn).optExtendedHeaders,
}

// handshake greets and haggles. It returns errTransmission when the client has chosen an export.
func (c *conn) handshake() error {
	if err := c.server.cfg.Admit(c.ctx, c.peer); err != nil {
		c.event(Warning, "was not admitted: %v", err)
		return err
	}
	if c.server.cfg.Oldstyle {
		return c.oldstyle()
	}
	if err := c.greet(); err != nil {
		return err
	}
	for range maxOptions {
		if err := c.haggle(); err != nil {
			return err
		}
	}
	return violation(fmt.Sprintf("more than %d options", maxOptions))
}

// oldstyle is a handshake without options: the server tells of its default export, and that is all ("Oldstyle
// negotiation").
func (c *conn) oldstyle() error {
	if err := c.open(""); err != nil {
		return err
	}
	if err := c.say(wire.AppendOldstyle(nil, c.export.info.Size, c.flags())); err != nil {
		return err
	}
	return errTransmission
}

// greet exchanges flags ("Fixed newstyle negotiation").
func (c *conn) greet() error {
	offered := (wire.FixedNewstyle | wire.NoZeroes) &^ c.server.cfg.WithheldFlags
	if err := c.say(wire.AppendGreeting(nil, offered)); err != nil {
		return err
	}
	if err := c.in.fill(wire.ClientFlagsSize); err != nil {
		return err
	}
	flags := wire.DecodeClientFlags(c.in.next(wire.ClientFlagsSize))
	if flags&^uint32(offered) != 0 {
		return violation(fmt.Sprintf("unknown client flags %#x", flags))
	}
	c.fixed, c.noZeroes = flags&wire.FixedNewstyle != 0, flags&wire.NoZeroes != 0
	return nil
}

// haggle reads one option, all of it, and answers it.
func (c *conn) haggle() error {
	if err := c.in.fill(wire.OptionHeaderSize); err != nil {
		return err
	}
	head, ok := wire.DecodeOption(c.in.next(wire.OptionHeaderSize))
	switch {
	case !ok:
		return violation("wrong magic number before an option")
	case head.Length > maxDrain:
		return violation(fmt.Sprintf("an option with %d bytes of data", head.Length))
	case !c.fixed && head.Type != wire.OptExportName:
		return violation("an option that needs fixed newstyle, from a client without it")
	}
	o := option{Option: head}
	if head.Length > maxOption {
		if err := c.in.discard(uint64(head.Length)); err != nil {
			return err
		}
	} else {
		memory := block.GetPayload(int(head.Length))
		defer memory.Put()
		o.data = memory.Bytes(int(head.Length))
		if err := c.in.read(o.data); err != nil {
			return err
		}
	}
	if c.demand.Load() != demandServe {
		return c.optTooLate(o)
	}
	if c.server.cfg.RequireTLS && c.secured == nil {
		return c.optPlain(o)
	}
	handle := optionHandlers[o.Type]
	if handle == nil {
		return c.refuse(o, wire.RepErrUnsup, "unknown option")
	}
	return handle(c, o)
}

// say sends a part of the handshake.
func (c *conn) say(b []byte) error {
	_, err := c.out.Write(b)
	return err
}

func (c *conn) acknowledge(o option, b []byte) error {
	return c.say(wire.AppendOptionReply(b, o.Type, wire.RepAck, 0))
}

func (c *conn) refuse(o option, r wire.ReplyType, text string) error {
	return c.say(wire.AppendOptionText(nil, o.Type, r, text))
}

func (c *conn) invalid(o option, text string) error { return c.refuse(o, wire.RepErrInvalid, text) }
