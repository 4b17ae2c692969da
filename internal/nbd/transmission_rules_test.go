package nbd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

var commandRules = []rule{
	{"a simple reply has its request's cookie, and data unless it has an error", "Simple reply message", nil, func(h *house) {
		c := h.client("unix", false)
		for _, s := range []struct {
			ask
			want []byte
		}{
			{write(0, 2, 0), simpleReply(0, 0)},
			{ask{cmd: 0, n: 3}, simpleReply(0, 1<<63, 0xa5, 0xa5, 0)},
			{ask{cmd: 0, off: size, n: 1}, simpleReply(einval, 1<<64-2)},
			{ask{cmd: 0, n: 64<<20 + 1}, simpleReply(einval, 3)},
			{ask{cmd: 7, n: 1}, simpleReply(einval, 4)},
			{ask{cmd: 3}, simpleReply(0, 5)},
		} {
			c.request(be.Uint64(s.want[8:]), s.ask)
			c.hears(s.want)
		}
	}},
	{"a write, and a zeroing, is there when it is answered, for everybody", "NBD_CMD_WRITE, NBD_CMD_WRITE_ZEROES", nil, func(h *house) {
		c, other := h.client("unix", false), h.client("tcp", false)
		for i, a := range []ask{write(100, 5000, 0), write(1, 200_000, fua), {cmd: 6, off: 50, n: 4000}, {cmd: 6, flags: noHole | fua, n: size}} {
			if e := c.errno(false, a); e != 0 {
				h.t.Errorf("error %d", e)
			}
			want := a.payload
			if a.cmd == 6 {
				want = make([]byte, a.n)
			}
			other.request(uint64(i), ask{cmd: 0, off: a.off, n: a.n})
			if _, _, got := other.simple(int(a.n)); !bytes.Equal(got, want) {
				h.t.Errorf("%d bytes at %d are something else", a.n, a.off)
			}
		}
	}},
	{"NO_HOLE leaves no hole", "NBD_CMD_FLAG_NO_HOLE", nil, func(h *house) {
		c := h.client("unix", true)
		for flags, want := range map[uint16]uint32{0: 3, noHole: 0} {
			c.errno(true, ask{cmd: 6, flags: flags, n: page})
			c.request(1, ask{cmd: 7, n: page})
			c.hears(chunk{true, status, 1, 0, join(u32(1), u32(page), u32(want))}.bytes(false))
		}
	}},
	row(61, "a fast zeroing that would be slow fails at once", "NBD_CMD_FLAG_FAST_ZERO"),
	{"ENOTSUP is for fast zeroing alone", "NBD_CMD_WRITE_ZEROES", through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.WriteZeroes || r.Cmd == block.Trim {
			return syscall.ENOTSUP
		}
		return next.Serve(ctx, r, w)
	}), func(h *house) {
		h.client("unix", false).errno(false, write(0, 4096, 0))
		asks(enotsup, ask{cmd: 6, flags: fastZero, n: 4096})(h)
		asks(einval, ask{cmd: 4, n: 4096})(h)
		asks(0, ask{cmd: 6, n: 4096}, ask{cmd: 6, flags: noHole, n: 4096})(h)
		if n := h.written(); n != 0 {
			h.t.Errorf("%d bytes are not zero", n)
		}
	}},
	{"a failure is told, by a number of the protocol's", "Error values", nil, func(h *house) {
		for err, want := range map[error]uint32{
			syscall.EIO: eio, syscall.ENXIO: eio, fmt.Errorf("odd"): eio, block.ErrEnds: eio,
			syscall.ENOSPC: enospc, syscall.EDQUOT: enospc, syscall.EFBIG: enospc,
			syscall.EROFS: eperm, syscall.EACCES: eperm, syscall.ENOTSUP: einval, syscall.EOVERFLOW: einval, context.Canceled: eshutdown,
		} {
			h.put(func(_ context.Context, r block.Request, w *block.Reply, _ block.Handler) error {
				w.Bytes(r.Length) // what a failed attempt put in is void
				return fmt.Errorf("read secret.img: %w", err)
			})
			for form, c := range h.forms() {
				if e := c.errno(form != "simple", ask{cmd: 0, n: 4096}); e != want {
					h.t.Errorf("%s: %v became %d, want %d", form, err, e, want)
				}
				if form == "structured" {
					c.request(1, ask{cmd: 0, n: 4096})
					if k := c.chunk(); strings.Contains(string(k.payload), "secret") {
						h.t.Errorf("the client was told %q", k.payload)
					}
				}
				c.Close()
			}
		}
		h.put(nil)
		h.alone()
	}},
	row(57, "the payload of a write that is refused is read", "NBD_CMD_WRITE"),
	{"only extended headers announce a payload", "NBD_CMD_FLAG_PAYLOAD_LEN", nil, func(h *house) {
		for _, structured := range []bool{false, true} {
			c := h.client("unix", structured)
			if e := c.errno(structured, write(0, 512, payloadLen)); e != einval {
				h.t.Errorf("structured %v: error %d", structured, e)
			}
			c.alive(structured)
		}
	}},
	row(85, "an extended write announces its payload", "NBD_CMD_FLAG_PAYLOAD_LEN"),
	row(84, "no other command has one", "NBD_CMD_FLAG_PAYLOAD_LEN"),
	{"lengths of 64 bits are served, where nothing travels", "Extended request message", over(huge64, block.Info{}), func(h *house) {
		c := h.extended("unix")
		for _, a := range []ask{{cmd: 7, long: 1<<40 + 1}, {cmd: 7, off: 1 << 40, long: 1}, {cmd: 7, off: 1 << 63, long: 1 << 63}, {cmd: 0, long: 1 << 62}} {
			if e := c.errno(true, a); e != einval {
				h.t.Errorf("%+v: error %d", a, e)
			}
		}
		c.request(1, ask{cmd: 7, long: 1 << 40})
		c.hears(chunk{true, statusLong, 1, 0, join(u32(1), u32(1), u64(1<<40), u64(0))}.bytes(true))
	}},
	row(71, "DISC waits for what is in flight, ends TLS and the connection", "NBD_CMD_DISC"),
}

// content reads the reply to a read, wants it to be as the protocol has it, and returns the kinds of its chunks.
func (c *raw) content(a ask, want []byte) (kinds []uint16) {
	c.t.Helper()
	c.request(9, a)
	got, missing := make([]byte, a.n), uint64(a.n)
	for done := false; !done; {
		k := c.chunk()
		done = k.done
		kinds = append(kinds, k.kind)
		if k.cookie != 9 || c.extended && k.offset != a.off {
			c.t.Fatalf("chunk %+v", k)
		}
		switch {
		case k.kind == none && done && len(k.payload) == 0:
			continue
		case k.kind == hole && len(k.payload) != 12, k.kind == data && len(k.payload) < 9, k.kind != hole && k.kind != data:
			c.t.Fatalf("chunk %d of %d bytes", k.kind, len(k.payload))
		}
		n := uint64(len(k.payload) - 8)
		if k.kind == hole {
			n = uint64(be.Uint32(k.payload[8:]))
		}
		at := be.Uint64(k.payload) - a.off
		if n == 0 || at > uint64(a.n) || n > uint64(a.n)-at || n > missing {
			c.t.Fatalf("%d bytes at %d of %d", n, at, a.n)
		}
		if missing -= n; k.kind == data {
			copy(got[at:], k.payload[8:])
		}
	}
	if missing > 0 || !bytes.Equal(got, want) {
		c.t.Errorf("%d bytes are missing, or others have come", missing)
	}
	return kinds
}

// chunkers are clients whose replies come in chunks.
func (h *house) chunkers() []*raw { return []*raw{h.client("unix", true), h.extended("unix")} }

var replyRules = []rule{
	{"chunks of data and holes tell all of the range, each byte once, and the last one is DONE", "NBD_CMD_READ", nil, func(h *house) {
		disk, random := h.fill(), rand.New(rand.NewPCG(1, 1))
		for _, c := range h.chunkers() {
			for range 100 {
				off := random.Uint64N(size)
				n := random.Uint64N(min(size-off, 2<<20)) + 1
				c.content(ask{cmd: 0, off: off, n: uint32(n)}, disk[off:off+n])
			}
		}
	}},
	{"a hole is 12 bytes, and a read of nothing is NONE", "Structured reply types", nil, func(h *house) {
		h.disk.WriteAt([]byte("ab"), page)
		for _, c := range h.chunkers() {
			c.request(1, ask{cmd: 0, off: page - 2, n: 4})
			c.hears(chunk{false, hole, 1, page - 2, join(u64(page-2), u32(2))}.bytes(c.extended),
				chunk{true, data, 1, page - 2, join(u64(page), []byte("ab"))}.bytes(c.extended))
			c.request(2, ask{cmd: 0, off: 9})
			c.hears(chunk{true, none, 2, 9, nil}.bytes(c.extended))
		}
	}},
	{"DF leaves one chunk, of data unless all is a hole, up to 64 MiB", "NBD_CMD_FLAG_DF", nil, func(h *house) {
		h.disk.WriteAt(bytes.Repeat([]byte("a"), page), page)
		disk := h.disk.bytes()
		for _, c := range h.chunkers() {
			for n, want := range map[uint32]uint16{100: hole, 65536: data, size: data} {
				if kinds := c.content(ask{cmd: 0, flags: df, n: n}, disk[:n]); len(kinds) != 1 || kinds[0] != want {
					h.t.Errorf("%d bytes came as %d", n, kinds)
				}
			}
		}
	}},
	{"DF that is too much is EOVERFLOW, without content", "NBD_CMD_FLAG_DF", failing(syscall.EOVERFLOW), func(h *house) {
		for _, c := range h.chunkers() {
			if e := c.errno(true, ask{cmd: 0, flags: df, n: 4096}); e != 75 {
				h.t.Errorf("error %d", e)
			}
		}
	}},
	{"a read is never answered by a simple reply where chunks were agreed on", "Structured reply chunk message", nil, func(h *house) {
		for _, c := range h.chunkers() {
			for _, a := range []ask{{cmd: 0, flags: 1 << 9, n: 1}, {cmd: 0, off: size, n: 1}, {cmd: 0, n: 64<<20 + 1}, {cmd: 0, flags: reqOne}} {
				c.request(8, a)
				if k := c.chunk(); k.kind != fail || !k.done || be.Uint32(k.payload) != einval || len(k.payload) != 6+int(be.Uint16(k.payload[4:])) {
					h.t.Errorf("%+v: chunk %+v", a, k)
				}
			}
		}
	}},
	row(70, "a read that fails has an error chunk", "NBD_CMD_READ"),
	{"a chunk is whole: other replies go between chunks", "Structured reply chunk message", nil, func(h *house) {
		disk := h.fill()
		for _, c := range h.chunkers() {
			const many, n = 24, 300_001
			missing := map[uint64]int{}
			for i := range uint64(many) {
				c.request(i, ask{cmd: 0, off: i * n, n: n})
				missing[i] = n
			}
			for len(missing) > 0 {
				k := c.chunk()
				at := be.Uint64(k.payload)
				if k.kind == hole {
					missing[k.cookie] -= int(be.Uint32(k.payload[8:]))
				} else if missing[k.cookie] -= len(k.payload) - 8; !bytes.Equal(k.payload[8:], disk[at:at+uint64(len(k.payload)-8)]) {
					h.t.Fatalf("a chunk at %d has something else", at)
				}
				if k.done && missing[k.cookie] == 0 {
					delete(missing, k.cookie)
				}
			}
		}
	}},
	{"with extended headers every reply is an extended chunk, with cookie and offset of its request", "Extended reply chunk message", nil, func(h *house) {
		c := h.extended("unix")
		for i, a := range []ask{write(7, 100, 0), {cmd: 3}, {cmd: 4, off: 5, n: 1}, {cmd: 5, off: 6, n: 1}, {cmd: 6, off: 512, n: 1}, {cmd: 0, off: 9}} {
			cookie := 1<<63 + uint64(i)
			c.request(cookie, a)
			c.hears(chunk{true, none, cookie, a.off, nil}.bytes(true))
		}
		for _, a := range []ask{write(size, 1, 0), {cmd: 4, off: size + 1}, {cmd: 6, off: 1 << 63, long: 1 << 63}, {cmd: 99, off: 5}} {
			c.request(8, a)
			if k := c.chunk(); k.kind != fail || !k.done || k.cookie != 8 || k.offset != a.off {
				h.t.Errorf("%+v: chunk %+v", a, k)
			}
		}
	}},
}

// crumbs is a disk whose extents are as small as can be, and end anywhere.
type crumbs struct{ *disk }

func (crumbs) ExtentsAt(w *block.Reply, off, n uint64, f block.Flags) error {
	for at := off; at < off+n; {
		step := min(1+at%700, off+n-at)
		w.Extent(step, block.ExtentFlags(at%3%2)*(block.Hole|block.Zero))
		if at += step; f&block.ReqOne != 0 {
			break
		}
	}
	return nil
}

// extents reads the reply to a block status: lengths and flags.
func (c *raw) extents(a ask) (lengths []uint64, flags []uint64) {
	c.t.Helper()
	c.request(9, a)
	k := c.chunk()
	b := k.payload
	switch {
	case !k.done || k.cookie != 9 || be.Uint32(b) != 1:
		c.t.Fatalf("chunk %+v", k)
	case k.kind == statusLong && c.extended && (len(b)-8)%16 == 0 && int(be.Uint32(b[4:])) == (len(b)-8)/16:
		for b = b[8:]; len(b) > 0; b = b[16:] {
			lengths, flags = append(lengths, be.Uint64(b)), append(flags, be.Uint64(b[8:]))
		}
	case k.kind == status && !c.extended && (len(b)-4)%8 == 0:
		for b = b[4:]; len(b) > 0; b = b[8:] {
			lengths, flags = append(lengths, uint64(be.Uint32(b))), append(flags, uint64(be.Uint32(b[4:])))
		}
	default:
		c.t.Fatalf("a chunk of kind %d with %d bytes", k.kind, len(b))
	}
	return lengths, flags
}

// extentsFit wants one extent at least, none of nothing, all but the last within the range, and with REQ_ONE one alone
// that is.
func extentsFit(unit uint64) func(*house) {
	return func(h *house) {
		random := rand.New(rand.NewPCG(2, 2))
		for _, c := range h.chunkers() {
			for i := range 100 {
				off := random.Uint64N(size/unit) * unit
				n := (random.Uint64N((size-off)/unit) + 1) * unit
				a := ask{cmd: 7, off: off, n: uint32(n)}
				if i%2 == 0 {
					a.flags = reqOne
				}
				lengths, flags := c.extents(a)
				sum := uint64(0)
				for j, l := range lengths {
					if l == 0 || l%unit != 0 || flags[j] > 3 || sum >= n {
						h.t.Fatalf("extent %d of %d bytes at %d in a range of %d", j, l, sum, n)
					}
					sum += l
				}
				if len(lengths) == 0 || a.flags == reqOne && (len(lengths) > 1 || sum > n) {
					h.t.Fatalf("extents %d in a range of %d", lengths, n)
				}
			}
		}
	}
}

var statusRules = []rule{
	{"there is one chunk of status for a context, with its number", "NBD_CMD_BLOCK_STATUS", nil, func(h *house) {
		h.disk.WriteAt([]byte("a"), page)
		c := h.client("unix", true)
		c.request(1, ask{cmd: 7, n: size})
		c.hears(chunk{true, status, 1, 0, join(u32(1), u32(page), u32(3), u32(page), u32(0), u32(size-2*page), u32(3))}.bytes(false))
		c.alive(true)
	}},
	{"with extended headers it has a count and 64 bits, and may be asked for by that number", "NBD_REPLY_TYPE_BLOCK_STATUS_EXT", nil, func(h *house) {
		h.disk.WriteAt([]byte("a"), page)
		c := h.extended("unix")
		for _, a := range []ask{{cmd: 7, off: page, n: size - page}, {cmd: 7, off: page, flags: payloadLen, n: 12, payload: join(u64(size-page), u32(1))}} {
			c.request(1, a)
			c.hears(chunk{true, statusLong, 1, page, join(u32(1), u32(2), u64(page), u64(0), u64(size-2*page), u64(3))}.bytes(true))
		}
	}},
	{"extents follow one another from the offset, and REQ_ONE leaves one", "NBD_REPLY_TYPE_BLOCK_STATUS", func(h *house, _ *nbd.Config) { h.fill() }, extentsFit(1)},
	{"extents are multiples of the minimum block size", "NBD_CMD_BLOCK_STATUS",
		over(func(h *house) block.Device { return crumbs{h.disk} }, block.Info{MinBlock: 512}), extentsFit(512)},
	row(67, "block status is answered in chunks", "NBD_CMD_BLOCK_STATUS"),
	row(86, "contexts that were not negotiated are refused", "NBD_CMD_BLOCK_STATUS"),
}

// watchedSync has Sync wait for the test.
func watchedSync(h *house, _ *nbd.Config) {
	h.disk.syncing, h.disk.calm = make(chan chan struct{}), make(chan struct{})
}

// stable wants a Sync with so many bytes written, nothing to be said until it has ended, and then that all went well.
func (c *raw) stable(h *house, cookie uint64, written int) {
	c.t.Helper()
	select {
	case done := <-h.disk.syncing:
		if n := h.written(); n != written {
			c.t.Errorf("%d bytes are written, want %d", n, written)
		}
		c.silent()
		close(done)
	case <-time.After(deadline):
		c.t.Fatal("nothing was made stable")
	}
	c.hears(simpleReply(0, cookie))
}

// changes are of every kind, and how many bytes of the tests' are left on the disk behind each.
var changes = []struct {
	ask
	left int
}{
	{write(0, 4096, 0), 4096}, {write(1, 300_000, 0), 300_001}, {ask{cmd: 6, off: 5, n: 1}, 300_000},
	{ask{cmd: 6, flags: noHole, off: 5, n: 9}, 299_992}, {ask{cmd: 4, off: page, n: page}, 299_992 - page},
}

var orderRules = []rule{
	{"a flush makes stable what was answered before, on any connection", "Ordering of messages and writes", watchedSync, func(h *house) {
		defer close(h.disk.calm)
		one, two := h.client("unix", false), h.client("tcp", false)
		for i, x := range changes {
			one.errno(false, x.ask)
			two.request(uint64(i), ask{cmd: 3})
			two.stable(h, uint64(i), x.left)
		}
	}},
	{"what has FUA is stable when it is answered", "Command flags", watchedSync, func(h *house) {
		defer close(h.disk.calm)
		c := h.client("unix", false)
		for i, x := range changes {
			x.flags |= fua
			c.request(uint64(i), x.ask)
			c.stable(h, uint64(i), x.left)
		}
	}},
	{"a flush that fails is no success", "NBD_CMD_FLUSH", through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.Flush {
			return syscall.EIO
		}
		return next.Serve(ctx, r, w)
	}), func(h *house) {
		asks(eio, ask{cmd: 3}, ask{cmd: 3, flags: fua})(h)
		h.client("tcp", false).alive(false)
		if err := h.server.Shutdown(h.t.Context()); !errors.Is(err, syscall.EIO) {
			h.t.Errorf("the last flush failed, and shutdown said %v", err)
		}
		h.ended = true
	}},
	{"several connections are offered where the export can, and else not", "Transmission flags", func(h *house, _ *nbd.Config) { h.info.MultiConn = false }, func(h *house) {
		if f := h.haggler("unix").goes(""); f != offered&^(1<<8) {
			h.t.Errorf("flags %#x", f)
		}
	}},
}
