package nbd_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/nbd"
)

// say sends all of said, ends, and returns what the server answers until it closes, which it must.
func (c *raw) say(said []byte) []byte {
	go func() { // ends at the latest when c is closed
		c.Write(said)
		c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	b, err := io.ReadAll(c)
	c.Close()
	if err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, os.ErrClosed) && !errors.Is(err, io.ErrUnexpectedEOF) {
		c.t.Fatalf("the server does not close: %v", err)
	}
	return b
}

func FuzzHandshake(f *testing.F) {
	h := newHouse(f)
	for _, seed := range [][]byte{
		nil,
		u32(3),
		join(u32(3), optionBytes(3), optionBytes(8), optionBytes(2)),
		join(u32(3), optionBytes(8), optionBytes(10, text(""), u32(2), text("base:"), text("base:allocation")), optionBytes(7, text(""), u16(1), u16(3))),
		join(u32(3), optionBytes(9, text("disk"), u32(0)), optionBytes(6, text("disk"), u16(4), u16(0), u16(1), u16(2), u16(3)), optionBytes(1, []byte("disk"))),
		join(u32(0), optionBytes(1), ask{cmd: 0, n: 512}.bytes(1), ask{cmd: 2}.bytes(2)),
		join(u32(3), optionBytes(5), optionBytes(11), optionBytes(4), optionBytes(7, u32(0xffffffff), u16(0xffff))),
		[]byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		h.t = t
		h.dial("unix").say(said)
		h.served()
	})
}

// FuzzStartTLS says anything where TLS should begin, and anything inside it.
func FuzzStartTLS(f *testing.F) {
	h := newHouse(f)
	hello := make([]byte, 5+4+200)
	copy(hello, []byte{22, 3, 1, 0, 204, 1, 0, 0, 200, 3, 3})
	for _, seed := range [][]byte{
		nil, hello, optionBytes(3), []byte("GET / HTTP/1.1\r\n\r\n"), {21, 3, 3, 0, 2, 1, 0}, {23, 3, 3, 0xff, 0xff},
		join(optionBytes(5), optionBytes(8), optionBytes(7, text(""), u16(0)), ask{cmd: 0, n: 20_000}.bytes(1), write(0, 20_000, 0).bytes(2), ask{cmd: 2}.bytes(3)),
	} {
		f.Add(false, seed)
		f.Add(true, seed)
	}
	f.Fuzz(func(t *testing.T, inside bool, said []byte) {
		h.t = t
		c := h.haggler("unix")
		if inside {
			c.startTLS()
		} else {
			c.option(5)
			c.wants(ack)
		}
		answer := c.say(said)
		if !inside && len(answer) > 7 && answer[0] != 22 {
			t.Errorf("the server said %.40x", answer)
		}
		h.served()
	})
}

func FuzzTransmission(f *testing.F) {
	houses := map[bool]*house{
		false: newHouse(f, func(_ *house, c *nbd.Config) { c.Prompt = false }),
		true:  newHouse(f),
	}
	for _, seed := range [][]byte{
		join(ask{cmd: 0, off: 4096, n: 70_000}.bytes(1), ask{flags: df, cmd: 0, n: 9000}.bytes(2), ask{cmd: 2}.bytes(3)),
		join(write(4000, 5000, fua).bytes(1), ask{cmd: 3}.bytes(2), ask{cmd: 0, n: 1 << 20}.bytes(3)),
		join(ask{cmd: 4, n: 8192}.bytes(1), ask{flags: fastZero, cmd: 6, n: 8192}.bytes(2), ask{cmd: 5, n: 1}.bytes(1)),
		join(ask{cmd: 7, n: 8 << 20}.bytes(1), ask{flags: reqOne, cmd: 7, off: 1 << 63, n: 1}.bytes(2), ask{cmd: 77, n: 9}.bytes(3)),
		write(0, 70_000, 0).bytes(1)[:60_000],
		write(1<<63, 40_000, 0xff).bytes(1),
	} {
		for mode := range byte(4) {
			f.Add(mode, seed)
		}
	}
	for _, seed := range [][]byte{
		join(ask{cmd: 0, off: 4096, n: 70_000}.extended(1), write(4000, 5000, fua).extended(2), ask{cmd: 7, long: 1 << 40}.extended(3), ask{cmd: 2}.extended(4)),
		join(ask{flags: payloadLen, cmd: 7, n: 12, payload: join(u64(8<<20), u32(1))}.extended(1), ask{flags: payloadLen, cmd: 4, n: 5, payload: []byte("extra")}.extended(2)),
		join(ask{cmd: 6, long: 8 << 20}.extended(1), ask{cmd: 0, off: 1 << 63, long: 1 << 63}.extended(2), write(0, 70_000, 0).extended(3)[:60_000]),
	} {
		f.Add(byte(4), seed)
		f.Add(byte(5), seed)
	}
	f.Fuzz(func(t *testing.T, mode byte, said []byte) {
		h := houses[mode&1 != 0]
		h.t = t
		var answer []byte
		switch {
		case mode&4 != 0:
			answer = h.extended("unix").say(said)
		case mode&2 != 0:
			answer = h.client("unix", true).say(said)
		default:
			h.client("unix", false).say(said) // where data ends only the client knows
		}
		wellFormed(t, answer)
		h.served()
	})
}

// wellFormed wants whole replies and nothing else.
func wellFormed(t testing.TB, b []byte) {
	for len(b) > 0 {
		switch n := len(b); {
		case n >= 16 && bytes.HasPrefix(b, u32(0x67446698)):
			b = b[16:]
		case n >= 20 && bytes.HasPrefix(b, u32(0x668e33ef)) && n-20 >= int(be.Uint32(b[16:])):
			b = b[20+be.Uint32(b[16:]):]
		case n >= 32 && bytes.HasPrefix(b, u32(0x6e8a278c)) && uint64(n-32) >= be.Uint64(b[24:]):
			b = b[32+be.Uint64(b[24:]):]
		default:
			t.Fatalf("%d bytes are no reply: %.40x", n, b)
		}
	}
}
