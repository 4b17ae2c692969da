package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"example.com/nbdtui/internal/nbd/wire"
	"example.com/nbdtui/internal/secure"
)

// greet does the handshake ("Fixed newstyle negotiation").
func (c *Client) greet(ctx context.Context, export string, wrap secure.Wrap) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(past) })
	err := c.haggle(ctx, export, wrap)
	if !stop() {
		return fmt.Errorf("no end to the handshake: %w", ctx.Err())
	}
	c.conn.SetDeadline(time.Time{})
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("the server closed the connection in the handshake")
	}
	return err
}

func (c *Client) haggle(ctx context.Context, export string, wrap secure.Wrap) error {
	if len(export) > wire.MaxString {
		return fmt.Errorf("the export's name is %d bytes long, and may have %d", len(export), wire.MaxString)
	}
	b, err := c.in.next(wire.GreetingSize)
	if err != nil {
		return err
	}
	greeting, flags := wire.DecodeGreeting(b)
	switch greeting {
	case wire.NotNBD:
		return broken("it does not greet as an NBD server")
	case wire.Oldstyle:
		return errors.New("the server speaks only the oldstyle handshake, which is not supported")
	}
	h := handshake{c: c, export: export, flags: flags & (wire.FixedNewstyle | wire.NoZeroes)}
	h.say(wire.AppendClientFlags(nil, uint32(h.flags)))
	if wrap != nil {
		if err := h.startTLS(ctx, wrap); err != nil {
			return err
		}
	}
	if h.flags&wire.FixedNewstyle == 0 {
		return h.exportName() // the one option that such a server knows
	}
	if err := h.structured(); err != nil {
		return err
	}
	return h.open()
}

// handshake is the haggling about one export.
type handshake struct {
	c      *Client
	export string
	flags  uint16 // agreed
}

// say sends. A server that has gone may have said why: that it does not listen is found out by reading.
func (h *handshake) say(b []byte) { h.c.out.conn.Write(b) }

// refusal is an error that the server answered to an option.
type refusal struct {
	code wire.ReplyType
	text string
}

func (e *refusal) Error() string {
	reason, ok := map[wire.ReplyType]string{
		wire.RepErrUnsup:         "the server does not know the option",
		wire.RepErrPolicy:        "the server's policy forbids it",
		wire.RepErrInvalid:       "the server finds the request invalid",
		wire.RepErrPlatform:      "the server's platform cannot do it",
		wire.RepErrTLSReqd:       "the server requires TLS; name it by an nbds URI",
		wire.RepErrUnknown:       "the server has no such export",
		wire.RepErrShutdown:      "the server is shutting down",
		wire.RepErrBlockSizeReqd: "the server insists on block sizes",
		wire.RepErrTooBig:        "the server finds the request too long",
	}[e.code]
	if !ok {
		reason = fmt.Sprintf("the server refuses with error %d", uint32(e.code)&math.MaxInt32)
	}
	if e.text != "" {
		reason += fmt.Sprintf(" (it says: %s)", e.text)
	}
	return reason
}

const (
	// maxOptionReply is the longest answer to an option: a name and a description or a text.
	maxOptionReply = 2*wire.MaxString + 64
	// maxOptionReplies is how many one option may have before its last.
	maxOptionReplies = 1024
)

// option sends an option and gives every reply before the last to each. A refusal is a *refusal.
func (h *handshake) option(o wire.OptionType, request []byte, each func(wire.ReplyType, []byte) error) error {
	h.say(request)
	for range maxOptionReplies {
		b, err := h.c.in.body(wire.OptionReplySize)
		if err != nil {
			return err
		}
		r, ok := wire.DecodeOptionReply(b)
		switch {
		case !ok:
			return broken("an option's reply has the wrong magic number")
		case r.Option != o:
			return broken("it answers option %d, and %d was asked", r.Option, o)
		case r.Length > maxOptionReply:
			return broken("a reply of %d bytes to option %d", r.Length, o)
		}
		data := make([]byte, r.Length)
		for got := 0; got < len(data); {
			n, err := h.c.in.some(data[got:])
			if err != nil {
				return err
			}
			got += n
		}
		switch {
		case r.Type == wire.RepAck:
			return nil
		case r.Type.IsError():
			return &refusal{r.Type, text(data)}
		}
		if err := each(r.Type, data); err != nil {
			return err
		}
	}
	return broken("no end to the replies to option %d", o)
}

// structured asks for extended headers or else structured replies, and with them for base:allocation. A server may
// refuse them all.
func (h *handshake) structured() error {
	i := &h.c.info
	for _, o := range []wire.OptionType{wire.OptExtendedHeaders, wire.OptStructuredReply} {
		err := h.option(o, wire.AppendOption(nil, o, 0), ignore)
		if i.Structured = err == nil; err == nil {
			i.Extended = o == wire.OptExtendedHeaders
			break
		}
		if err := unlessRefused(err); err != nil {
			return err
		}
	}
	if h.c.out.long = i.Extended; !i.Structured {
		return nil
	}
	const o = wire.OptSetMetaContext
	err := h.option(o, wire.AppendContextRequest(nil, o, h.export, wire.BaseAllocation),
		func(t wire.ReplyType, data []byte) error {
			id, name, ok := wire.DecodeMetaContext(data)
			if t != wire.RepMetaContext || !ok || string(name) != wire.BaseAllocation || i.Extents {
				return broken("it chose a meta context that was not asked for")
			}
			h.c.context, i.Extents = id, true
			return nil
		})
	if err != nil {
		i.Extents = false
	}
	return unlessRefused(err)
}

// unlessRefused is err, or nil where the server merely refused.
func unlessRefused(err error) error {
	var r *refusal
	if errors.As(err, &r) && r.code != wire.RepErrTLSReqd && r.code != wire.RepErrShutdown {
		return nil
	}
	return err
}

func ignore(wire.ReplyType, []byte) error { return nil }

// open enters the transmission phase: NBD_OPT_GO, or NBD_OPT_EXPORT_NAME where a server has no other.
func (h *handshake) open() error {
	opened := false
	err := h.option(wire.OptGo, wire.AppendInfoRequest(nil, wire.OptGo, h.export, wire.InfoBlockSize),
		func(t wire.ReplyType, data []byte) error {
			info, ok := wire.DecodeInfoType(data)
			switch {
			case t != wire.RepInfo || !ok:
				return broken("a reply of type %d to NBD_OPT_GO", t)
			case info == wire.InfoExport && len(data) == wire.InfoExportSize:
				opened = true
				return h.c.info.setExport(wire.DecodeInfoExport(data))
			case info == wire.InfoBlockSize && len(data) == wire.InfoBlocksSize:
				return h.c.info.setBlocks(wire.DecodeInfoBlockSize(data))
			case info == wire.InfoExport, info == wire.InfoBlockSize:
				return broken("information of type %d with %d bytes", info, len(data))
			}
			return nil // not asked for, and of no use
		})
	var r *refusal
	if errors.As(err, &r) && r.code == wire.RepErrUnsup && !h.c.info.Extended {
		return h.exportName()
	}
	if err != nil {
		return fmt.Errorf("open export %q: %w", h.export, err)
	}
	if !opened {
		return broken("no size in the answer to NBD_OPT_GO")
	}
	h.c.info.setDefaults()
	return nil
}

// exportName is the old way in: no answer but the export itself, and an end where there is none.
func (h *handshake) exportName() error {
	h.say(append(wire.AppendOption(nil, wire.OptExportName, len(h.export)), h.export...))
	b, err := h.c.in.body(wire.ExportSize)
	if err == io.ErrUnexpectedEOF {
		return fmt.Errorf("open export %q: the server closed the connection; it may have no such export", h.export)
	}
	if err != nil {
		return err
	}
	if err := h.c.info.setExport(wire.DecodeExport(b)); err != nil {
		return err
	}
	h.c.info.setDefaults()
	if h.flags&wire.NoZeroes == 0 {
		return h.c.in.skip(wire.ExportPadding)
	}
	return nil
}

func (i *Info) setExport(size uint64, flags wire.TransmissionFlags) error {
	if size > math.MaxInt64 {
		return broken("an export of %d bytes", size)
	}
	if flags&wire.HasFlags == 0 {
		flags = 0
	}
	i.Size, i.Flags = size, flags
	return nil
}

// setBlocks takes the block sizes ("Block size constraints").
func (i *Info) setBlocks(minimum, preferred, maximum uint32) error {
	if minimum == 0 || minimum&(minimum-1) != 0 || minimum > 64<<10 || preferred < minimum || maximum < minimum {
		return broken("block sizes of %d, %d and %d", minimum, preferred, maximum)
	}
	i.MinBlock, i.PreferredBlock, i.MaxPayload = minimum, preferred, min(maximum, wire.MaxPayload)
	return nil
}

// setDefaults are those of a server that told no block sizes.
func (i *Info) setDefaults() {
	if i.MinBlock == 0 {
		i.MinBlock, i.PreferredBlock, i.MaxPayload = 1, 4096, 32<<20
	}
}
