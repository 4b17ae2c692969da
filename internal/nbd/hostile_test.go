package nbd_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
	"example.com/nbdtui/internal/unixsocket"
)

const size = 8 << 20 // of a house's disk

// afterStartTLS sends something else than TLS.
func afterStartTLS(said ...[]byte) func(*house) {
	return func(h *house) {
		c := h.haggler("tcp")
		c.send(optionBytes(5), join(said...))
		c.wants(ack)
		c.alert()
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.opened > 1 { // by the other client
			h.t.Error("an export was opened")
		}
	}
}

// alert wants nothing but an alert of TLS, and the end.
func (c *raw) alert() {
	c.t.Helper()
	b, err := io.ReadAll(c.Conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Error("the connection was not closed")
	}
	if len(b) > 0 && (len(b) != 7 || b[0] != 21) {
		c.t.Errorf("the server said %x", b)
	}
}

func quick(_ *house, c *nbd.Config)    { c.HandshakeTimeout = 200 * time.Millisecond }
func forced(h *house, c *nbd.Config)   { h.network, c.RequireTLS = "tls", true }
func readOnly(_ *house, c *nbd.Config) { c.ReadOnly = true }

func byWorkers(_ *house, c *nbd.Config) { c.Prompt = false }

// over serves another device.
func over(device func(h *house) block.Device, info block.Info) func(*house, *nbd.Config) {
	return func(h *house, c *nbd.Config) {
		c.Open = func(context.Context, block.OpenRequest) (*block.Door, error) {
			return block.NewDoor(block.FromDevice(device(h), info), "device", true, h.layerEvent), nil
		}
	}
}

// hostiles are what a broken client, or one that means harm, may do, and what is to be answered. The last one is not a
// client but the command that runs beside the server: cmd/nbdtui has it (TestACommandThatMeansHarm).
var hostiles = map[int]rule{
	1: {"silence ends at the deadline", "ours", quick, closes()},
	2: {"the deadline is absolute", "ours", quick, func(h *house) {
		c := h.dial("unix")
		c.send(u32(3))
		began := time.Now()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for _, b := range bytes.Repeat(optionBytes(3), 100) {
			<-tick.C
			if _, err := c.Write([]byte{b}); err != nil {
				break
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			h.t.Errorf("closed after %v", took)
		}
	}},
	3: {"a connection that is reset before the greeting is nothing", "ours", nil, func(h *house) {
		for range 20 {
			n := h.connect("tcp").Conn.(*net.TCPConn)
			n.SetLinger(0)
			n.Close()
		}
		h.served()
		h.alone()
		if h.told("broke") > 0 {
			h.t.Error("somebody was told about it")
		}
	}},
	4: {"above the cap connections are closed, and a want of descriptors passes", "ours",
		nil, func(h *house) {
			var many []*raw
			for len(many) < 127 { // and the other one
				many = append(many, h.client([]string{"unix", "tcp"}[len(many)%2], false))
			}
			for range 1000 {
				if h.t.Failed() {
					return
				}
				c := h.connect("unix")
				c.closed()
				c.Close()
			}
			for _, c := range many {
				c.alive(false)
				c.Close()
			}
			h.alone()
			l, err := net.Listen("unix", h.unix+"2")
			if err != nil {
				h.t.Fatal(err)
			}
			h.unix += "2"
			done := make(chan error)
			go func() { done <- h.server.Serve(&poor{l, 3}) }()
			h.served()
			l.Close()
			if err := <-done; err != nil {
				h.t.Error(err)
			}
			h.unix = strings.TrimSuffix(h.unix, "2")
			if cap, poor := h.told("more than 128 connections"), h.told("trying again"); cap != 1 || poor != 1 {
				h.t.Errorf("told %d and %d times", cap, poor)
			}
		}},
	5: {"a web browser's flags are unknown", "Flag fields", nil, func(h *house) {
		closes([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))(h)
		h.eventually("somebody is told", func() bool { return h.told("unknown client flags 0x47455420") == 1 })
	}},
	6: {"unknown client flags end the connection", "Flag fields", nil, closes(u32(3 | 4))},
	7: {"NO_ZEROES that was not offered ends the connection", "Flag fields",
		func(h *house, c *nbd.Config) { h.flags, c.WithheldFlags = 1, 2 }, closes(u32(3))},
	8: {"without fixed newstyle there is only EXPORT_NAME", "Newstyle negotiation", nil, closes(u32(0), optionBytes(7, text(""), u16(0)))},
	9: {"a wrong magic number of an option ends the connection", "Newstyle negotiation", nil, closes(u32(3), []byte("IHAVEOPX"), u32(3), u32(0))},
	10: {"an option of 4 GiB is not read", "ours", nil, all(
		closes(u32(3), []byte("IHAVEOPT"), u32(7), u32(0xffffffff)), closes(u32(3), []byte("IHAVEOPT"), u32(0x7654321), u32(0xffffffff)))},
	11: {"an option that never ends meets the deadline", "ours", quick, closes(u32(3), []byte("IHAVEOPT"), u32(7), u32(256), []byte("abc"))},
	12: {"an unknown option is drained and refused", "Option haggling", nil, all(
		haggles(unsup, 0x7654321, []byte("data")), haggles(unsup, 0x7654321, make([]byte, 2<<20)), haggles(unsup, 4))},
	13: {"LIST, STRUCTURED_REPLY and EXTENDED_HEADERS take no data", "NBD_OPT_LIST, NBD_OPT_STRUCTURED_REPLY, NBD_OPT_EXTENDED_HEADERS", nil, all(
		haggles(invalid, 3, []byte("x")), haggles(invalid, 8, []byte("x")), haggles(invalid, 11, []byte("x")))},
	14: {"STARTTLS takes no data", "NBD_OPT_STARTTLS", nil, haggles(invalid, 5, []byte("x"))},
	15: {"GO has six bytes of data at least", "NBD_OPT_GO", nil, all(haggles(invalid, 7), haggles(invalid, 7, make([]byte, 5)))},
	16: {"a name may not be longer than its option", "NBD_OPT_GO", nil, all(
		haggles(invalid, 7, u32(0xffffffff), u16(0)), haggles(invalid, 7, u32(1), u16(0)), haggles(invalid, 7, make([]byte, 2<<20)))},
	17: {"the information requests fill the option", "NBD_OPT_GO", nil, all(
		haggles(invalid, 7, text(""), u16(9), u16(1)), haggles(invalid, 7, text(""), u16(0), []byte{9}))},
	18: {"information that is asked for twice, or unknown, is told once, or not", "NBD_OPT_GO", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(6, text("disk"), u16(4), u16(1), u16(1), u16(99), u16(0xffff))
		var kinds []uint16
		for range 3 {
			kinds = append(kinds, be.Uint16(c.wants(repInfo)))
		}
		c.wants(ack)
		if slices.Sort(kinds); !slices.Equal(kinds, []uint16{0, 1, 3}) {
			h.t.Errorf("told %d", kinds)
		}
	}},
	19: {"a name has no NUL", "Values", nil, all(
		haggles(invalid, 7, text("a\x00"), u16(0)), closes(u32(3), optionBytes(1, []byte("di\x00sk"))))},
	20: {"a name is UTF-8", "Values", nil, all(haggles(invalid, 7, text("\xff"), u16(0)), closes(u32(3), optionBytes(1, []byte("\xff"))))},
	21: {"an unknown name of 4096 bytes is answered, and not repeated whole", "NBD_REP_ERR_UNKNOWN", nil,
		haggles(unknown, 7, text(strings.Repeat("x", 4096)), u16(0))},
	22: {"a name has 4096 bytes at most", "Values", nil, all(
		haggles(invalid, 7, text(strings.Repeat("x", 4097)), u16(0)), closes(u32(3), optionBytes(1, make([]byte, 4097))))},
	23: {"an unknown export is refused, and by EXPORT_NAME ends the connection", "NBD_OPT_GO, NBD_OPT_EXPORT_NAME", nil, all(
		haggles(unknown, 7, text("nothing"), u16(0)), haggles(unknown, 6, text("nothing"), u16(0)), closes(u32(3), optionBytes(1, []byte("nothing"))))},
	24: {"ABORT is acknowledged, whether or not anybody listens", "NBD_OPT_ABORT", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(2, []byte("extra"))
		c.wants(ack)
		c.closed()
		c = h.haggler("tcp")
		c.option(2)
		c.Close()
	}},
	25: {"STRUCTURED_REPLY twice is once", "NBD_OPT_STRUCTURED_REPLY", nil, func(h *house) {
		c := h.haggler("unix")
		for range 2 {
			c.option(8)
			c.wants(ack)
		}
	}},
	26: {"STRUCTURED_REPLY comes too late after extended headers", "NBD_OPT_EXTENDED_HEADERS", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(11)
		c.wants(ack)
		c.option(8)
		c.wants(extReqd)
		c.option(11)
		c.wants(ack)
		c.usable()
	}},
	27: {"EXPORT_NAME after extended headers ends the connection", "NBD_OPT_EXTENDED_HEADERS", nil,
		func(h *house) {
			c := h.haggler("unix")
			c.option(11)
			c.wants(ack)
			c.option(1, []byte("disk"))
			c.closed()
		}},
	28: {"meta contexts need structured replies", "NBD_OPT_SET_META_CONTEXT", nil, all(
		haggles(invalid, 10, text(""), u32(0)), haggles(invalid, 9, text(""), u32(0)))},
	29: {"more queries than data select nothing", "NBD_OPT_SET_META_CONTEXT", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(8)
		c.wants(ack)
		c.chooses()
		c.option(10, text(""), u32(2), text("base:allocation"))
		c.wants(invalid)
		c.goes("")
		if e := c.errno(true, ask{cmd: 7, n: 512}); e != einval {
			h.t.Errorf("block status: error %d", e)
		}
	}},
	30: {"a query has 4096 bytes at most", "Values", nil, contexts(invalid, text(""), u32(1), text(strings.Repeat("x", 4097)))},
	31: {"unknown queries are ignored", "NBD_OPT_SET_META_CONTEXT", nil,
		contexts(ack, text(""), u32(3), text("nocolon"), text("foo:bar"), text("base:zzz"))},
	32: {"200,000 queries are too many", "NBD_REP_ERR_TOO_BIG", nil,
		contexts(tooBig, text(""), u32(200_000), bytes.Repeat(text("base:"), 200_000))},
	33: {"the same query twice is one context", "NBD_OPT_SET_META_CONTEXT", nil,
		contexts(repContext, text(""), u32(2), text("base:allocation"), text("base:allocation"))},
	34: {"contexts of another export are dropped", "NBD_OPT_SET_META_CONTEXT", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(8)
		c.wants(ack)
		c.option(10, text("disk"), u32(1), text("base:allocation"))
		c.wants(repContext)
		c.wants(ack)
		c.goes("")
		if e := c.errno(true, ask{cmd: 7, n: 512}); e != einval {
			h.t.Errorf("block status: error %d", e)
		}
	}},
	35: {"haggling ends after 256 options", "ours", nil, func(h *house) {
		c := h.haggler("unix")
		for range 256 {
			c.option(3)
			for range 2 {
				c.wants(repServer)
			}
			c.wants(ack)
		}
		c.closed()
		h.eventually("somebody is told", func() bool { return h.told("more than 256 options") == 1 })
	}},
	36: {"pipelined options are answered in order", "Option haggling", nil, func(h *house) {
		c := h.haggler("unix")
		c.send(optionBytes(8), optionBytes(99), optionBytes(7, text("nothing"), u16(0)), optionBytes(7, text(""), u16(0)), ask{cmd: 0, n: 3}.bytes(1))
		for _, want := range []uint32{8, 99, 7, 7, 7, 7} {
			if number, _, _ := c.reply(); number != want {
				h.t.Fatalf("option %d was answered, want %d", number, want)
			}
		}
		if k := c.chunk(); !k.done {
			h.t.Errorf("chunk %+v", k)
		}
	}},
	37: {"plain text behind STARTTLS is not obeyed", "NBD_OPT_STARTTLS", nil, afterStartTLS(optionBytes(3), optionBytes(7, text(""), u16(0)))},
	38: {"what is no ClientHello gets an alert at most", "NBD_OPT_STARTTLS", nil, all(
		afterStartTLS([]byte("GET / HTTP/1.1\r\n\r\n")), afterStartTLS(bytes.Repeat([]byte{22, 3, 1, 0xff, 0xff}, 4000)), afterStartTLS(make([]byte, 100_000)))},
	39: {"a handshake of TLS that stalls meets the deadline", "ours", quick, afterStartTLS([]byte{22, 3, 1, 2, 0, 1})},
	40: {"there is one STARTTLS", "NBD_OPT_STARTTLS", nil, func(h *house) {
		c := h.haggler("tls")
		c.option(5)
		c.wants(invalid)
		c.usable()
	}},
	41: {"without TLS nothing is told where it is required", "FORCEDTLS mode", forced, func(h *house) {
		c := h.haggler("unix")
		for number, data := range map[uint32][]byte{3: nil, 6: join(text(""), u16(0)), 7: join(text("nothing"), u16(0)), 8: nil, 9: make([]byte, 2<<20), 77: []byte("x")} {
			c.option(number, data)
			c.wants(tlsReqd)
		}
		c.option(2)
		c.wants(ack)
		c.closed()
	}},
	42: {"EXPORT_NAME without TLS ends the connection where it is required", "FORCEDTLS mode", forced, closes(u32(3), optionBytes(1, []byte("disk")))},
	43: {"old TLS, and a client without a certificate or with a strange one, are refused", "TLS versions", nil, func(h *house) {
		stranger := h.t.TempDir()
		if err := makeCertificates(stranger); err != nil {
			h.t.Fatal(err)
		}
		for _, config := range []*tls.Config{
			{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, Certificates: pair(h.t, "")},
			{InsecureSkipVerify: true},
			{InsecureSkipVerify: true, Certificates: pair(h.t, stranger)},
		} {
			c := h.haggler("tcp")
			c.option(5)
			c.wants(ack)
			s := tls.Client(c.Conn, config)
			if err := s.Handshake(); err == nil { // TLS 1.3 tells the client later
				if _, err = s.Read(make([]byte, 1)); err == nil || err == io.EOF {
					h.t.Errorf("served, and %v", err)
				}
			}
			if _, err := io.ReadAll(c.Conn); errors.Is(err, os.ErrDeadlineExceeded) {
				h.t.Error("the connection was not closed")
			}
		}
	}},
	44: {"a TLS stream that ends without a farewell is at its end", "Terminating the transmission phase", nil, func(h *house) {
		c := h.haggler("tcp")
		c.option(5)
		c.wants(ack)
		inner := c.Conn
		c.Conn = wrap(h.t, false)(inner)
		c.goes("")
		a := write(0, 4096, 0)
		c.send(a.bytes(1)[:3000])
		inner.(*net.TCPConn).CloseWrite()
		c.closed()
		if n := h.written(); n != 0 {
			h.t.Errorf("%d bytes were written", n)
		}
	}},
	45: {"a wrong magic number of a request ends the connection", "Request message", nil, func(h *house) {
		c := h.client("unix", true)
		c.send(bytes.Repeat([]byte{0x25}, 28), ask{cmd: 0, n: 1}.bytes(1))
		c.closed()
	}},
	46: {"the end in a header lets what is in flight finish", "Terminating the transmission phase", nil, func(h *house) {
		c := h.client("unix", false)
		c.send(ask{cmd: 0, n: 4096}.bytes(1), ask{cmd: 0, n: 1}.bytes(2)[:20])
		c.Conn.(*net.UnixConn).CloseWrite()
		if e, _, _ := c.simple(4096); e != 0 {
			h.t.Errorf("error %d", e)
		}
		c.closed()
	}},
	47: {"a write that is cut short writes nothing", "NBD_CMD_WRITE", nil, func(h *house) {
		for _, n := range []uint32{4096, 30_000, 1 << 20} {
			c := h.client("tcp", false)
			b := write(0, n, 0).bytes(1)
			c.send(b[:len(b)-1])
			c.Close()
		}
		h.alone()
		if n := h.written(); n != 0 {
			h.t.Errorf("%d bytes were written", n)
		}
	}},
	48: {"a write above the maximum is drained and refused", "Block size constraints", nil, asks(einval, write(0, 64<<20+1, 0))},
	49: {"a write of 4 GiB ends the connection", "Block size constraints", nil, func(h *house) {
		for _, n := range []uint32{128<<20 + 1, 0xffffffff} {
			c := h.client("unix", true)
			c.send(ask{cmd: 1, n: n}.bytes(1))
			c.closed()
		}
		h.eventually("somebody is told", func() bool { return h.told("broke the protocol") == 2 })
	}},
	50: {"a read above the maximum is refused", "Block size constraints", over(huge64, block.Info{}), asks(einval, ask{cmd: 0, n: 64<<20 + 1}, ask{cmd: 0, n: 0xffffffff})},
	51: {"what does not change anything past the end is EINVAL", "Error values", nil, func(h *house) {
		asks(einval, ask{cmd: 0, off: size - 1, n: 2}, ask{cmd: 4, off: size, n: 1}, ask{cmd: 5, off: size + 1, n: 1})(h)
		c := h.client("unix", true)
		if e := c.errno(true, ask{cmd: 7, off: 1, n: size}); e != einval {
			h.t.Errorf("block status: error %d", e)
		}
	}},
	52: {"writes past the end are ENOSPC", "Error values", nil,
		asks(enospc, write(size-1, 2, 0), write(size-1, 1<<20, 0), ask{cmd: 6, off: 1, n: size}, ask{cmd: 6, n: 0xffffffff})},
	53: {"offset and length do not wrap", "Error values", nil, all(
		asks(einval, ask{cmd: 0, off: 1<<64 - 512, n: 1024}, ask{cmd: 4, off: 1<<64 - 1, n: 1}), asks(enospc, write(1<<64-512, 1024, 0)))},
	54: {"an offset of 2^63 is past every end", "Error values", nil, all(
		asks(einval, ask{cmd: 0, off: 1 << 63, n: 512}, ask{cmd: 5, off: 1 << 63, n: 1}), asks(enospc, write(1<<63, 512, 0), ask{cmd: 6, off: 1 << 63, n: 512}))},
	55: {"a length of nothing is no reason to leave", "Request types", nil, func(h *house) {
		asks(0, ask{cmd: 0}, write(0, 0, 0), ask{cmd: 4}, ask{cmd: 5}, ask{cmd: 6})(h)
		c := h.client("unix", true)
		c.request(4, ask{cmd: 0, off: 9})
		if k := c.chunk(); !k.done || k.kind != none || len(k.payload) != 0 {
			h.t.Errorf("a read of nothing: %+v", k)
		}
		if e := c.errno(true, ask{cmd: 7}); e != einval {
			h.t.Errorf("block status of nothing: error %d", e)
		}
	}},
	56: {"what is not aligned to the minimum is refused", "Block size constraints", over(func(h *house) block.Device { return h.disk }, block.Info{MinBlock: 512}),
		asks(einval, ask{cmd: 0, off: 1, n: 512}, ask{cmd: 0, n: 511}, write(512, 511, 0), ask{cmd: 6, off: 100, n: 512}, ask{cmd: 4, n: 1})},
	57: {"unknown flags are refused", "Command flags", nil, asks(einval, ask{flags: 1 << 9, cmd: 0, n: 1}, write(0, 100_000, 1<<15), ask{flags: 1 << 6, cmd: 3})},
	58: {"FUA is legal on every command where it is offered", "NBD_CMD_FLAG_FUA", nil,
		asks(0, ask{flags: fua, cmd: 0, n: 1}, write(0, 1, fua), ask{flags: fua, cmd: 3}, ask{flags: fua, cmd: 4, n: 512}, ask{flags: fua, cmd: 5, n: 1}, ask{flags: fua, cmd: 6, n: 1})},
	59: {"DF needs structured replies, and a read", "NBD_CMD_FLAG_DF", nil, func(h *house) {
		if e := h.client("unix", false).errno(false, ask{flags: df, cmd: 0, n: 1}); e != einval {
			h.t.Errorf("error %d", e)
		}
		asks(einval, write(0, 512, df), ask{flags: df, cmd: 3}, ask{flags: df, cmd: 6, n: 1})(h)
	}},
	60: {"a flag on the wrong command is refused", "Command flags", nil,
		asks(einval, ask{flags: reqOne, cmd: 0, n: 1}, ask{flags: noHole, cmd: 4, n: 512}, ask{flags: fastZero, cmd: 0, n: 1}, write(0, 1, noHole), ask{flags: reqOne, cmd: 5, n: 1})},
	61: {"a fast zero that is not fast changes nothing", "NBD_CMD_FLAG_FAST_ZERO", through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Flags&block.FastZero != 0 {
			return syscall.ENOTSUP
		}
		return next.Serve(ctx, r, w)
	}), func(h *house) {
		c := h.client("unix", false)
		c.errno(false, write(0, 512, 0))
		asks(enotsup, ask{flags: fastZero, cmd: 6, n: 4096})(h)
		if n := h.written(); n != 512 {
			h.t.Errorf("%d bytes are left of 512", n)
		}
	}},
	62: {"an unknown command has no payload", "Request types", nil, asks(einval, ask{cmd: 99, n: 1 << 20}, ask{cmd: 8, off: 1, n: 512}, ask{cmd: 0xffff, n: 0xffffffff})},
	63: {"an unknown command that has one is out of step", "Request types", nil, func(h *house) {
		c := h.client("unix", false)
		c.request(1, ask{cmd: 99, n: 28, payload: make([]byte, 28)})
		if e, _, _ := c.simple(0); e != einval {
			h.t.Errorf("error %d", e)
		}
		c.closed()
	}},
	64: {"a read-only export is not changed", "NBD_FLAG_READ_ONLY", readOnly, asks(eperm, write(0, 1, 0), write(0, 100_000, 0), ask{cmd: 4, n: 1}, ask{cmd: 6, n: 1})},
	65: {"what is not offered is refused", "Transmission flags", over(func(h *house) block.Device { return plain{h.disk} }, block.Info{}),
		asks(einval, ask{cmd: 4, n: 512}, ask{cmd: 3}, write(0, 512, fua), ask{flags: fastZero, cmd: 6, n: 512})},
	66: {"offset and length of a flush are reserved", "NBD_CMD_FLUSH", nil, asks(einval, ask{cmd: 3, off: 1}, ask{cmd: 3, n: 1})},
	67: {"block status needs a context", "NBD_CMD_BLOCK_STATUS", nil, func(h *house) {
		if e := h.client("unix", false).errno(false, ask{cmd: 7, n: 512}); e != einval {
			h.t.Errorf("error %d", e)
		}
		c := h.haggler("unix")
		c.option(8)
		c.wants(ack)
		c.goes("")
		c.request(7, ask{cmd: 7, n: 512})
		if k := c.chunk(); !k.done || k.kind != fail || be.Uint32(k.payload) != einval {
			h.t.Errorf("chunk %+v", k)
		}
	}},
	68: {"an extent that 32 bits cannot tell is cut", "NBD_REPLY_TYPE_BLOCK_STATUS", over(func(*house) block.Device { return vast{1 << 40} }, block.Info{}), func(h *house) {
		c := h.client("unix", true)
		c.request(1, ask{cmd: 7, n: 0xffffffff})
		if k := c.chunk(); len(k.payload) != 12 || be.Uint32(k.payload[4:]) != 0xfffff000 {
			h.t.Errorf("chunk %x", k.payload)
		}
	}},
	69: {"there are 2^20 extents in a reply at most", "NBD_REPLY_TYPE_BLOCK_STATUS", over(func(*house) block.Device { return vast{3072} }, block.Info{}), func(h *house) {
		c := h.client("unix", true)
		for range 3 {
			c.request(1, ask{cmd: 7, n: 0xffffffff})
			if k := c.chunk(); len(k.payload) != 4+8<<20 {
				h.t.Errorf("%d bytes", len(k.payload))
			}
		}
	}},
	70: {"an error of a structured read is a chunk", "Structured replies", failing(syscall.EIO), func(h *house) {
		c := h.client("unix", true)
		c.request(9, ask{cmd: 0, n: 4096})
		if k := c.chunk(); !k.done || k.kind != fail || k.cookie != 9 || be.Uint32(k.payload) != eio {
			h.t.Errorf("chunk %+v", k)
		}
	}},
	71: {"DISC waits for what is in flight, ends TLS and the connection", "NBD_CMD_DISC", byWorkers, func(h *house) {
		h.fill()
		for _, network := range networks {
			for _, structured := range []bool{false, true} {
				b := newBlocker()
				h.put(b.serve)
				c := h.client(network, structured)
				missing := map[uint64]bool{}
				for i := range uint64(8) {
					c.request(i, ask{cmd: 0, off: i << 20, n: 200_000})
					missing[i] = true
				}
				c.request(8, ask{cmd: 2})
				h.begun(b, 8)
				c.silent()
				close(b.let)
				for len(missing) > 0 {
					if !structured {
						_, cookie, _ := c.simple(200_000)
						delete(missing, cookie)
					} else if k := c.chunk(); k.done {
						delete(missing, k.cookie)
					}
				}
				c.closed()
			}
		}
		h.put(nil)
	}},
	72: {"DISC is DISC, whatever its flags say", "NBD_CMD_DISC", nil, func(h *house) {
		c := h.client("unix", true)
		c.request(8, ask{flags: 0xffff, cmd: 2, off: 99, n: 77})
		c.closed()
	}},
	73: {"nothing behind DISC is obeyed", "NBD_CMD_DISC", nil, func(h *house) {
		c := h.client("unix", true)
		c.send(ask{cmd: 2}.bytes(8), write(0, 512, 0).bytes(9))
		c.closed()
		if n := h.written(); n != 0 {
			h.t.Errorf("%d bytes were written", n)
		}
	}},
	74: {"the end without DISC is DISC", "Terminating the transmission phase", byWorkers, func(h *house) {
		for _, network := range networks {
			b := newBlocker()
			b.deaf = true // on TCP a close and a half-close look alike, and what heeds its context is ended
			h.put(b.serve)
			c := h.client(network, false)
			for i := range uint64(8) {
				c.request(i, ask{cmd: 0, n: 4096})
			}
			c.send(ask{cmd: 0}.bytes(9)[:20]) // and a piece of another
			c.Conn.(interface{ CloseWrite() error }).CloseWrite()
			h.begun(b, 8)
			close(b.let)
			for range 8 {
				if e, _, _ := c.simple(4096); e != 0 {
					h.t.Errorf("%s: error %d", network, e)
				}
			}
			c.closed()
		}
		h.put(nil)
	}},
	75: {"who has said all still gets its replies", "Terminating the transmission phase", nil, halfClosed},
	76: {"who does not read is not read from", "ours", nil, func(h *house) {
		h.fill()
		c := h.client("tcp", false)
		go io.Copy(c, endless(ask{cmd: 0, n: 1 << 20}.bytes(1))) // ends when c is closed
		var last uint64
		still := 0
		h.eventually("it is served no more", func() bool {
			n := h.server.Clients().Present[1].Counts[block.Read].Bytes
			if still++; n != last || n == 0 {
				last, still = n, 0
			}
			return still > 100
		})
		if last > 128<<20 {
			h.t.Errorf("%d bytes of replies wait", last)
		}
		c.Close()
	}},
	77: {"who leaves with replies on the way hurts nobody", "ours", nil, func(h *house) {
		h.fill()
		for range 20 {
			c := h.client("unix", true)
			for i := range 8 {
				c.request(uint64(i), ask{cmd: 0, n: 1 << 20})
			}
			c.Close()
		}
	}},
	78: {"who vanishes is given up", "ours", nil, func(h *house) {
		for _, network := range networks {
			h.gate.Pause(h.t.Context())
			c := h.client(network, true)
			for i := range 100 {
				c.request(uint64(i), write(0, 512, 0))
			}
			h.eventually("they are held", func() bool { return h.server.Clients().Present[1].InFlight+h.server.Clients().Present[1].Held >= 16 })
			c.Close()
			h.alone()
			if n := h.written(); n != 0 {
				h.t.Errorf("%d bytes were written while the gate was shut", n)
			}
			h.gate.Resume()
		}
	}},
	79: {"a cookie may be used twice", "Request message", nil, func(h *house) {
		c := h.client("unix", false)
		c.send(bytes.Repeat(ask{cmd: 0, n: 512}.bytes(7), 100))
		for range 100 {
			if e, cookie, _ := c.simple(512); e != 0 || cookie != 7 {
				h.t.Fatalf("error %d for %d", e, cookie)
			}
		}
	}},
	80: {"overlapping writes are written in some order", "Ordering of messages and writes", nil, func(h *house) {
		c := h.client("unix", false)
		go c.Write(bytes.Repeat(write(0, 8192, 0).bytes(7), 100))
		for range 100 {
			if e, _, _ := c.simple(0); e != 0 {
				h.t.Fatalf("error %d", e)
			}
		}
	}},
	81: {"a file that was cut short is EIO", "Error values", failing(block.ErrEnds), asks(eio, ask{cmd: 0, n: 4096})},
	82: {"a full disk is ENOSPC, a broken one EIO", "Error values", nil, func(h *house) {
		for err, want := range map[error]uint32{syscall.ENOSPC: enospc, syscall.EDQUOT: enospc, syscall.EFBIG: enospc, syscall.EIO: eio} {
			h.put(func(context.Context, block.Request, *block.Reply, block.Handler) error { return err })
			c := h.client("unix", true)
			if e := c.errno(true, write(0, 70_000, 0)); e != want {
				h.t.Errorf("%v became %d", err, e)
			}
			c.Close()
		}
		h.put(nil)
		h.alone()
	}},
	83: {"a payload above all limits ends the connection", "NBD_CMD_FLAG_PAYLOAD_LEN", nil, func(h *house) {
		for _, cmd := range []uint16{0, 1, 4, 7, 99} {
			c := h.extended("unix")
			c.request(1, ask{flags: payloadLen, cmd: cmd, long: 1 << 40})
			c.closed()
		}
	}},
	84: {"a payload on a command that has none is drained", "NBD_CMD_FLAG_PAYLOAD_LEN", nil, func(h *house) {
		c := h.extended("unix")
		for _, cmd := range []uint16{0, 3, 4, 5, 6, 99} {
			for _, n := range []uint32{0, 8, 100_000} {
				if e := c.errno(true, ask{flags: payloadLen, cmd: cmd, n: n, payload: make([]byte, n)}); e != einval {
					h.t.Errorf("command %d: error %d", cmd, e)
				}
				c.alive(true)
			}
		}
	}},
	85: {"an extended write announces its payload", "NBD_CMD_WRITE", nil, func(h *house) {
		c := h.extended("unix")
		b := ask{cmd: 4, n: 4096}.extended(7)
		b[7] = 1 // a write, without the flag
		c.send(b)
		if k := c.chunk(); k.kind != fail || be.Uint32(k.payload) != einval {
			h.t.Errorf("chunk %+v", k)
		}
		c.alive(true)
	}},
	86: {"the payload of a block status names contexts that were negotiated, once", "NBD_CMD_BLOCK_STATUS", nil, func(h *house) {
		c := h.extended("unix")
		for _, p := range [][]byte{
			nil, u64(512), join(u64(512), u32(2)), join(u64(512), u32(1), u32(1)), join(u64(512), u32(1), []byte("x")), make([]byte, 100_000),
		} {
			if e := c.errno(true, ask{flags: payloadLen, cmd: 7, n: uint32(len(p)), payload: p}); e != einval {
				h.t.Errorf("%d bytes: error %d", len(p), e)
			}
			c.alive(true)
		}
		c = h.haggler("unix") // without a context
		c.option(11)
		c.wants(ack)
		if f := c.goes(""); f&(1<<12) != 0 {
			h.t.Error("BLOCK_STATUS_PAYLOAD was offered")
		}
		c.extended = true
		if e := c.errno(true, ask{flags: payloadLen, cmd: 7, n: 12, payload: join(u64(512), u32(1))}); e != einval {
			h.t.Errorf("without a context: error %d", e)
		}
		c.alive(true)
	}},
	87: {"the other form's magic number ends the connection", "Extended request message", nil, func(h *house) {
		c := h.extended("unix")
		c.send(ask{cmd: 0, n: 1}.bytes(1), make([]byte, 4))
		c.closed()
		c = h.client("unix", true)
		c.send(ask{cmd: 0, n: 1}.extended(1))
		c.closed()
	}},
	88: {"a long request can be cancelled", "NBD_CMD_WRITE_ZEROES", over(func(h *house) block.Device { return endlessDisk{vast{1 << 40}, h} }, block.Info{}), func(h *house) {
		for _, cmd := range []uint16{6, 4} {
			c := h.extended("unix")
			c.request(1, ask{cmd: cmd, long: 1 << 40})
			slices := 3
			for range slices {
				select {
				case <-h.slices:
				case <-time.After(deadline):
					h.t.Fatal("it is not done in slices")
				}
			}
			c.Close()
			h.eventually("it has ended", func() bool {
				select {
				case <-h.slices:
					slices++
				default:
				}
				return len(h.server.Clients().Present) == 1
			})
			if slices > 900 {
				h.t.Errorf("%d GiB were done nevertheless", slices)
			}
		}
	}},
	89: {"all requests in hand have a budget together", "ours", func(_ *house, c *nbd.Config) { c.MaxMemory, c.Prompt = 100<<20, false }, func(h *house) {
		b := newBlocker()
		h.put(b.serve)
		for i := range 4 {
			c := h.client("unix", true)
			for range 8 {
				c.request(1, ask{cmd: 0, n: 8 << 20})
			}
			h.begun(b, []int64{8, 12, 12, 12}[i])
		}
		close(b.let)
		h.begun(b, 32)
		h.put(nil)
	}},
	90: {"what a client says is not told to a terminal as it is", "ours", nil, func(h *house) {
		c := h.haggler("unix")
		c.option(7, text("\x1b]0;owned\x07\x1b[2J\u009b\u202e\nx"), u16(0))
		if said := c.wants(unknown); bytes.ContainsAny(said, "\x1b\x07\n") {
			h.t.Errorf("answered %q", said)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if told := strings.Join(h.events, ""); strings.ContainsAny(told, "\x1b\x07\n\u009b\u202e") || !strings.Contains(told, "owned") {
			h.t.Errorf("told %q", told)
		}
	}},
	91: {"a socket's path is taken from the dead alone, and is the user's alone", "ours", nil, func(h *house) {
		defer syscall.Umask(syscall.Umask(0))
		dir := h.t.TempDir()
		dead, link := filepath.Join(dir, "dead"), filepath.Join(dir, "link")
		left, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
		if err != nil {
			h.t.Fatal(err)
		}
		left.SetUnlinkOnClose(false) // as one that was killed leaves it
		left.Close()
		if err := os.Symlink("dead", link); err != nil {
			h.t.Fatal(err)
		}
		for path, want := range map[string]string{h.unix: "another process listens there", link: "no socket", "/" + long(107): "108 bytes long"} {
			if _, err := unixsocket.Listen(path); err == nil || !strings.Contains(err.Error(), want) {
				h.t.Errorf("%s: %v", path, err)
			}
		}
		l, err := unixsocket.Listen(dead)
		if err != nil {
			h.t.Fatal(err)
		}
		if info, err := os.Stat(dead); err != nil || info.Mode().Perm() != 0o600 {
			h.t.Errorf("mode %v, %v", info.Mode(), err)
		}
		done := make(chan error)
		go func() { done <- h.server.Serve(l) }()
		first := h.unix
		h.unix = dead
		h.served()
		h.unix = first
		l.Close()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}},
	92: {"descriptors that are sent along are dropped", "ours", nil, func(h *house) {
		c := h.client("unix", false)
		f, err := os.Open(os.DevNull)
		if err != nil {
			h.t.Fatal(err)
		}
		defer f.Close()
		before := descriptors(h.t)
		for range 50 {
			if _, _, err := c.Conn.(*net.UnixConn).WriteMsgUnix(ask{cmd: 0, n: 1}.bytes(1), unix.UnixRights(int(f.Fd()), int(f.Fd())), nil); err != nil {
				h.t.Fatal(err)
			}
			c.simple(1)
		}
		if n := descriptors(h.t); n > before+5 {
			h.t.Errorf("%d descriptors are open, and %d were", n, before)
		}
	}},
	93: {"a shutdown under load answers what is in flight", "Terminating the transmission phase", nil, func(h *house) {
		h.fill()
		c := h.client("unix", true)
		go func() { // ends when c is closed
			for {
				if _, err := c.Write(ask{cmd: 0, n: 300_000}.bytes(1)); err != nil {
					return
				}
			}
		}()
		c.chunk()
		h.gate.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		done := make(chan error)
		go func() { done <- h.server.Shutdown(ctx) }()
		replies, _ := io.ReadAll(c)
		wellFormed(h.t, replies)
		if err := <-done; err != nil {
			h.t.Error(err)
		}
		h.ended = true
	}},
}

// halfClosed ends its input with requests in flight.
func halfClosed(h *house) {
	for _, network := range networks {
		c := h.client(network, false)
		for i := range 8 {
			c.request(uint64(i), ask{cmd: 0, n: 4096})
		}
		for range 8 {
			if e, _, _ := c.simple(4096); e != 0 {
				h.t.Errorf("%s: error %d", network, e)
			}
		}
		c.send(ask{cmd: 0, n: 100_000}.bytes(1))
		c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		if e, _, _ := c.simple(100_000); e != 0 && (network != "tcp" || e != eshutdown) {
			h.t.Errorf("%s: error %d", network, e)
		}
		c.closed()
	}
}

// contexts haggles about meta contexts, with structured replies agreed on.
func contexts(want uint32, data ...[]byte) func(*house) {
	return func(h *house) {
		c := h.haggler("unix")
		c.option(8)
		c.wants(ack)
		c.option(10, data...)
		c.wants(want)
		if want == repContext {
			c.wants(ack)
		}
		c.usable()
	}
}

// failing has every request fail that reads or writes data.
func failing(err error) func(*house, *nbd.Config) {
	return through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Length > 512 {
			return err
		}
		return next.Serve(ctx, r, w)
	})
}

// huge64 is a device that is large enough for every read.
func huge64(*house) block.Device { return vast{1 << 40} }

// endlessDisk is a device on which every slice waits for the test.
type endlessDisk struct {
	vast
	h *house
}

func (d endlessDisk) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (d endlessDisk) Trim(off, n uint64) error               { return d.WriteZeroes(off, n, 0) }

func (d endlessDisk) WriteZeroes(_, n uint64, _ block.Flags) error {
	if n > 1<<30 {
		d.h.t.Errorf("%d bytes at once", n)
	}
	d.h.slices <- struct{}{}
	return nil
}

// written counts the bytes that the tests' writes have left.
func (h *house) written() int { return bytes.Count(h.disk.bytes(), []byte{0xa5}) }

// descriptors counts what this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		list, err = os.ReadDir("/dev/fd")
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
