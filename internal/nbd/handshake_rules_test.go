package nbd_test

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

const offered = 0x0d6d // all transmission flags but READ_ONLY, ROTATIONAL, SEND_DF and BLOCK_STATUS_PAYLOAD

// info is NBD_INFO_EXPORT of a house's disk, and sizes its NBD_INFO_BLOCK_SIZE.
func info(option uint32) []byte { return answer(option, repInfo, u16(0), u64(size), u16(offered)) }
func sizes(option uint32) []byte {
	return answer(option, repInfo, u16(3), u32(1), u32(4096), u32(64<<20))
}

var handshakeRules = []rule{
	{"FIXED_NEWSTYLE is set, and no flag but it and NO_ZEROES", "Handshake flags", nil, func(h *house) {
		h.connect("unix").hears([]byte("NBDMAGICIHAVEOPT"), u16(3))
	}},
	{"the oldstyle handshake has none of these flags", "Handshake flags", func(h *house, c *nbd.Config) {
		h.oldstyle, c.Oldstyle = true, true
	}, func(h *house) {
		c := h.connect("unix")
		c.hears([]byte("NBDMAGIC"), u64(0x420281861253), u64(size), u32(offered), make([]byte, 124))
		c.alive(false)
		c.request(0, ask{cmd: 2})
		c.closed()
	}},
	row(6, "an unknown client flag ends the connection", "Client flags"),
	row(7, "a client flag that was not offered ends the connection", "Client flags"),
	{"124 zeroes follow EXPORT_NAME unless NO_ZEROES was agreed on", "Client flags", nil, func(h *house) {
		for flags, zeroes := range map[uint32]int{0: 124, 1: 124, 2: 0, 3: 0} {
			c := h.dial("unix")
			c.send(u32(flags), optionBytes(1, []byte("disk")))
			c.hears(u64(size), u16(offered), make([]byte, zeroes))
			c.alive(false)
		}
	}},
	row(8, "there is no other option than EXPORT_NAME without fixed newstyle", "NBD_OPT_EXPORT_NAME"),
	row(23, "an export that cannot be had by EXPORT_NAME ends the connection", "NBD_OPT_EXPORT_NAME"),
	row(12, "what is not known is answered UNSUP, and the next option is understood", "Baseline"),
	{"INFO, GO, LIST, ABORT, simple replies, READ, WRITE and DISC are there", "Baseline", nil, func(h *house) {
		c := h.haggler("unix")
		c.usable()
		c.option(6, text("disk"), u16(0))
		c.hears(info(6), sizes(6), answer(6, ack))
		c.goes("disk")
		c.request(1, write(0, 2, 0))
		c.hears(simpleReply(0, 1))
		c.request(2, ask{cmd: 0, n: 2})
		c.hears(simpleReply(0, 2, 0xa5, 0xa5))
		c.request(3, ask{cmd: 2})
		c.closed()
	}},
	{"what can be refused in words ends no connection", "Termination of the session during option haggling", nil, func(h *house) {
		c := h.haggler("unix")
		for _, o := range []struct {
			number uint32
			data   string
		}{{0, ""}, {3, "x"}, {4, ""}, {5, "x"}, {6, ""}, {7, "\x00\x00\x00\x01x\x00\x00"}, {8, "x"}, {9, ""}, {10, "x"}, {11, "x"}, {1 << 31, "x"}} {
			c.option(o.number, []byte(o.data))
			if number, kind, _ := c.reply(); number != o.number || kind < 1<<31 {
				h.t.Errorf("option %d was answered %#x to %d", o.number, kind, number)
			}
		}
		c.goes("")
	}},
	{"a text has no NUL and 4096 bytes at most, whoever sends it", "Conventions", func(h *house, c *nbd.Config) {
		long := strings.Repeat("é", 3000)
		h.info.Description = "a\x00b" + long
		c.List = func(context.Context, block.ListRequest) ([]block.Export, error) {
			return []block.Export{
				{Name: long}, {Name: "a\x00b"}, {Name: "\xff"}, {Name: "disk", Description: "\xff" + long}, {Name: "", Description: "a\x00b"},
			}, nil
		}
	}, func(h *house) {
		c := h.haggler("unix")
		c.option(3) // names that no client could ask for are not told
		c.hears(answer(3, repServer, text("disk"), []byte(strings.Repeat("é", 2048))), answer(3, repServer, text(""), []byte("ab")), answer(3, ack))
		c.option(6, text(""), u16(1), u16(2))
		c.hears(info(6), answer(6, repInfo, u16(2), []byte("ab"+strings.Repeat("é", 2047))), sizes(6), answer(6, ack))
		for _, name := range []string{long(4097), "a\x00b"} {
			c.option(7, text(name), u16(0))
			c.wants(invalid)
		}
		c.option(7, text(long(4096)), u16(0))
		if said := c.wants(unknown); len(said) > 4096 || bytes.IndexByte(said, 0) >= 0 {
			h.t.Errorf("refused with %d bytes", len(said))
		}
	}},
}

// long is a name of n bytes.
func long(n int) string { return strings.Repeat("x", n) }

var optionRules = []rule{
	row(24, "ABORT is acknowledged", "NBD_OPT_ABORT"),
	{"LIST names every export, and ends with ACK", "NBD_OPT_LIST", nil,
		hears(optionBytes(3), answer(3, repServer, text("")), answer(3, repServer, text("disk"), []byte("a disk in memory")), answer(3, ack))},
	row(15, "INFO and GO have a name, a count and as many requests", "NBD_OPT_INFO and NBD_OPT_GO"),
	row(16, "the name is no longer than the data without six", "NBD_OPT_INFO and NBD_OPT_GO"),
	{"requests for unknown information are ignored", "NBD_OPT_INFO and NBD_OPT_GO", nil,
		hears(optionBytes(6, text(""), u16(2), u16(99), u16(0xffff)), info(6), sizes(6), answer(6, ack))},
	{"INFO_EXPORT is told, whatever is asked for", "NBD_REP_INFO", nil, all(
		hears(optionBytes(6, text(""), u16(0)), info(6), sizes(6), answer(6, ack)),
		hears(optionBytes(6, text(""), u16(1), u16(3)), info(6), sizes(6), answer(6, ack)))},
	{"NAME and DESCRIPTION are texts behind their number", "NBD_REP_INFO", nil,
		hears(optionBytes(6, text("disk"), u16(3), u16(3), u16(2), u16(1)), info(6), answer(6, repInfo, u16(1), []byte("disk")),
			answer(6, repInfo, u16(2), []byte("a disk in memory")), sizes(6), answer(6, ack))},
	{"no zeroes follow GO, whatever was agreed on", "NBD_OPT_INFO and NBD_OPT_GO", nil, func(h *house) {
		c := h.dial("unix")
		c.send(u32(1), optionBytes(7, text(""), u16(0)), ask{cmd: 0, n: 2}.bytes(5))
		c.hears(info(7), sizes(7), answer(7, ack), simpleReply(0, 5, 0, 0))
	}},
	{"GO tells what INFO has told", "NBD_OPT_INFO and NBD_OPT_GO", func(h *house, c *nbd.Config) {
		open, mu := c.Open, sync.Mutex{}
		c.Open = func(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
			mu.Lock()
			defer mu.Unlock()
			d, err := open(ctx, o)
			h.info.Rotational = !h.info.Rotational // the next time it would be another
			return d, err
		}
	}, func(h *house) {
		c := h.haggler("unix")
		c.option(6, text("disk"), u16(1), u16(2))
		told := [][]byte{c.wants(repInfo), c.wants(repInfo), c.wants(repInfo), c.wants(ack)}
		c.option(7, text("disk"), u16(1), u16(2))
		c.hears(answer(7, repInfo, told[0]), answer(7, repInfo, told[1]), answer(7, repInfo, told[2]), answer(7, ack))
	}},
	{"lengths that do not fit together are INVALID", "NBD_OPT_LIST_META_CONTEXT, NBD_OPT_SET_META_CONTEXT", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(8)
		c.wants(ack)
		for _, number := range []uint32{9, 10} {
			for _, data := range [][]byte{
				nil,
				join(u32(0xffffffff), u32(0)),
				join(text("\x00"), u32(0)),
				join(text(""), u32(0), []byte("x")),
				join(text(""), u32(0xffffffff)),
				join(text(""), u32(2), text("base:allocation")),
				join(text(""), u32(1), u32(0xffffffff), []byte("base:")),
			} {
				c.option(number, data)
				c.wants(invalid)
			}
		}
		c.usable()
	}},
	{"queries of unknown namespaces find nothing, and no fault", "NBD_OPT_LIST_META_CONTEXT, NBD_OPT_SET_META_CONTEXT", nil, all(
		chunked(optionBytes(9, text(""), u32(3), text("qemu:"), text("qemu:allocation-depth"), text("nocolon")), answer(9, ack)),
		chunked(optionBytes(10, text(""), u32(3), text("qemu:allocation-depth"), text("x-y:"), text("")), answer(10, ack)))},
	{"LIST_META_CONTEXT without a query tells all there are", "NBD_OPT_LIST_META_CONTEXT", nil,
		chunked(optionBytes(9, text(""), u32(0)), answer(9, repContext, u32(0), []byte("base:allocation")), answer(9, ack))},
	{"LIST_META_CONTEXT tells what its queries match", "NBD_OPT_LIST_META_CONTEXT", nil,
		chunked(optionBytes(9, text(""), u32(2), text("x:y"), text("base:allocation")), answer(9, repContext, u32(0), []byte("base:allocation")), answer(9, ack))},
	{"base: stands for all of them in LIST_META_CONTEXT, and for nothing in SET_META_CONTEXT", "The base: metadata namespace", nil, all(
		chunked(optionBytes(9, text(""), u32(1), text("base:")), answer(9, repContext, u32(0), []byte("base:allocation")), answer(9, ack)),
		chunked(optionBytes(10, text(""), u32(1), text("base:")), answer(10, ack)))},
	{"an unknown leaf of base: is ignored", "The base: metadata namespace", nil, all(
		chunked(optionBytes(9, text(""), u32(1), text("base:zzz")), answer(9, ack)),
		chunked(optionBytes(10, text(""), u32(1), text("base:zzz")), answer(10, ack)))},
	{"SET_META_CONTEXT tells each context that it has chosen, once", "NBD_OPT_SET_META_CONTEXT", nil,
		chunked(optionBytes(10, text(""), u32(3), text("x:y"), text("base:allocation"), text("base:allocation")),
			answer(10, repContext, u32(1), []byte("base:allocation")), answer(10, ack))},
	{"SET_META_CONTEXT replaces what was chosen, with nothing where it has no query", "NBD_OPT_SET_META_CONTEXT", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(8)
		c.wants(ack)
		c.chooses()
		c.option(10, text(""), u32(0))
		c.wants(ack)
		c.goes("")
		if e := c.errno(true, ask{cmd: 7, n: 512}); e != einval {
			h.t.Errorf("block status: error %d", e)
		}
	}},
	row(29, "SET_META_CONTEXT replaces what was chosen, even where it fails", "NBD_OPT_SET_META_CONTEXT"),
	row(34, "contexts are of the export for which they were chosen", "Metadata querying"),
	{"GO is there after EXTENDED_HEADERS", "NBD_OPT_EXTENDED_HEADERS", nil, func(h *house) {
		c := h.haggler("unix")
		c.send(optionBytes(11), optionBytes(7, text(""), u16(0)))
		c.hears(answer(11, ack), answer(7, repInfo, u16(0), u64(size), u16(offered|1<<7)), sizes(7), answer(7, ack))
	}},
	row(27, "EXPORT_NAME is not there after EXTENDED_HEADERS", "NBD_OPT_EXTENDED_HEADERS"),
}

// offerRules are of what an export can do and which sizes it takes.
var offerRules = []rule{
	{"HAS_FLAGS is set, and nothing that cannot be done", "Transmission flags",
		over(func(h *house) block.Device { return plain{h.disk} }, block.Info{}), func(h *house) {
			if f := h.haggler("unix").goes(""); f != 1|1<<6|1<<10 { // emulated: zeroes and cache
				h.t.Errorf("flags %#x", f)
			}
			asks(0, ask{cmd: 6, n: 512}, ask{cmd: 6, flags: noHole, n: 512}, ask{cmd: 5, n: 512})(h)
		}},
	row(65, "what is not offered is not done", "Transmission flags"),
	{"a read-only export offers nothing that changes it", "Transmission flags", readOnly, func(h *house) {
		if f := h.haggler("unix").goes(""); f != 1|1<<1|1<<2|1<<8|1<<10 {
			h.t.Errorf("flags %#x", f)
		}
		asks(einval, ask{cmd: 0, flags: fua, n: 1})(h)
	}},
	row(64, "READ_ONLY means that what would change it fails", "Transmission flags"),
	{"DF is offered where replies come in chunks, and only there", "Transmission flags", nil, func(h *house) {
		for option, want := range map[uint32]uint16{3: 0, 8: 1 << 7, 11: 1 << 7} {
			c := h.haggler("unix")
			c.option(option)
			for kind := uint32(0); kind != ack; {
				_, kind, _ = c.reply()
			}
			if f := c.goes(""); f != offered|want {
				h.t.Errorf("after option %d flags %#x", option, f)
			}
		}
	}},
	{"BLOCK_STATUS_PAYLOAD is offered with extended headers and a context, and only then", "Transmission flags", nil, func(h *house) {
		for _, x := range []struct {
			option  uint32
			context string
			want    uint16
		}{{8, "base:allocation", 0}, {11, "base:", 0}, {11, "base:allocation", 1 << 12}} {
			c := h.haggler("unix")
			c.option(x.option)
			c.wants(ack)
			c.option(10, text(""), u32(1), text(x.context))
			for kind := uint32(0); kind != ack; {
				_, kind, _ = c.reply()
			}
			if f := c.goes(""); f != offered|1<<7|x.want {
				h.t.Errorf("with option %d and %s flags %#x", x.option, x.context, f)
			}
		}
	}},
	row(58, "every command may have FUA where it is offered", "Command flags"),
	{"CACHE knows no other flag", "NBD_CMD_CACHE", nil,
		asks(einval, ask{cmd: 5, flags: reqOne, n: 1}, ask{cmd: 5, flags: noHole, n: 1}, ask{cmd: 5, flags: 1 << 9, n: 1})},
	{"sizes that are enforced are told, and are powers of two in their order", "Block size constraints",
		over(func(h *house) block.Device { return h.disk }, block.Info{MinBlock: 512, PreferredBlock: 64 << 10, MaxBlock: 1 << 20}), func(h *house) {
			c := h.haggler("unix")
			c.option(6, text(""), u16(1), u16(3))
			c.wants(repInfo)
			c.hears(answer(6, repInfo, u16(3), u32(512), u32(64<<10), u32(1<<20)), answer(6, ack))
		}},
	row(56, "what does not fit them fails and changes nothing", "Block size constraints"),
}
