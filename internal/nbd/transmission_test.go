package nbd_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

const (
	eperm, eio, einval, enospc, enotsup, eshutdown = 1, 5, 22, 28, 95, 108

	fua, noHole, df, reqOne, fastZero, payloadLen = 1, 2, 4, 8, 16, 32
)

// TestRequestsThatAreRefusedOrNot sends what a careless or hostile client may, and wants the error of the protocol
// and a connection that still works.
func TestRequestsThatAreRefusedOrNot(t *testing.T) {
	const size = 8 << 20
	houses := map[bool]*house{
		false: newHouse(t, func(_ *house, c *nbd.Config) { c.Prompt = false }),
		true:  newHouse(t),
	}
	succeeds := map[string]bool{"read, DF": true, "status": true, "status, REQ_ONE": true} // if structured
	for name, r := range map[string]struct {
		ask
		want uint32
	}{
		"read":                              {ask{cmd: 0, n: 4096}, 0},
		"read to the end":                   {ask{cmd: 0, off: size - 1, n: 1}, 0},
		"read past the end":                 {ask{cmd: 0, off: size - 1, n: 2}, einval},
		"read behind the end":               {ask{cmd: 0, off: size + 1, n: 1}, einval},
		"read above the maximum":            {ask{cmd: 0, n: 64<<20 + 1}, einval},
		"read of 4 GiB":                     {ask{cmd: 0, n: 0xffffffff}, einval},
		"read around 2^64":                  {ask{cmd: 0, off: 1<<64 - 512, n: 1024}, einval},
		"read at 2^63":                      {ask{cmd: 0, off: 1 << 63, n: 512}, einval},
		"read nothing":                      {ask{cmd: 0}, 0},
		"read nothing at the end":           {ask{cmd: 0, off: size}, 0},
		"read nothing behind it":            {ask{cmd: 0, off: size + 1}, einval},
		"read, FUA":                         {ask{flags: fua, cmd: 0, n: 1}, 0},
		"read, DF":                          {ask{flags: df, cmd: 0, n: 1}, einval},
		"read, REQ_ONE":                     {ask{flags: reqOne, cmd: 0, n: 1}, einval},
		"read, NO_HOLE":                     {ask{flags: noHole, cmd: 0, n: 1}, einval},
		"read, FAST_ZERO":                   {ask{flags: fastZero, cmd: 0, n: 1}, einval},
		"read, unknown flag":                {ask{flags: 1 << 9, cmd: 0, n: 1}, einval},
		"write":                             {write(0, 4096, 0), 0},
		"write, FUA":                        {write(0, 4096, fua), 0},
		"write of 100 KB":                   {write(1, 100_000, 0), 0},
		"write nothing":                     {write(0, 0, 0), 0},
		"write past the end":                {write(size-1, 2, 0), enospc},
		"write past the end, 1 MiB":         {write(size-1, 1<<20, 0), enospc},
		"write around 2^64":                 {write(1<<64-512, 1024, 0), enospc},
		"write above the maximum":           {write(0, 64<<20+1, 0), einval},
		"write, unknown flag":               {write(0, 100_000, 1<<15), einval},
		"write, DF":                         {write(0, 512, df), einval},
		"write, PAYLOAD_LEN":                {write(0, 512, 32), einval},
		"flush":                             {ask{cmd: 3}, 0},
		"flush, FUA":                        {ask{flags: fua, cmd: 3}, 0},
		"flush with an offset":              {ask{cmd: 3, off: 1}, einval},
		"flush with a length":               {ask{cmd: 3, n: 1}, einval},
		"trim":                              {ask{cmd: 4, n: size}, 0},
		"trim, FUA":                         {ask{flags: fua, cmd: 4, n: 4096}, 0},
		"trim nothing":                      {ask{cmd: 4}, 0},
		"trim past the end":                 {ask{cmd: 4, n: size + 1}, einval},
		"trim, NO_HOLE":                     {ask{flags: noHole, cmd: 4, n: 512}, einval},
		"cache":                             {ask{cmd: 5, n: size}, 0},
		"cache, FUA":                        {ask{flags: fua, cmd: 5, n: 1}, 0},
		"cache nothing":                     {ask{cmd: 5}, 0},
		"cache past the end":                {ask{cmd: 5, off: size, n: 1}, einval},
		"cache, REQ_ONE":                    {ask{flags: reqOne, cmd: 5, n: 1}, einval},
		"zeroes":                            {ask{cmd: 6, n: size}, 0},
		"zeroes, every flag":                {ask{flags: fua | noHole | fastZero, cmd: 6, n: 4096}, 0},
		"zeroes of nothing":                 {ask{cmd: 6}, 0},
		"zeroes past the end":               {ask{cmd: 6, off: 1, n: size}, enospc},
		"zeroes of 4 GiB":                   {ask{cmd: 6, n: 0xffffffff}, enospc},
		"zeroes, DF":                        {ask{flags: df, cmd: 6, n: 1}, einval},
		"status":                            {ask{cmd: 7, n: size}, einval},
		"status, REQ_ONE":                   {ask{flags: reqOne | fua, cmd: 7, n: size}, einval},
		"status of nothing":                 {ask{cmd: 7}, einval},
		"status past the end":               {ask{cmd: 7, n: size + 1}, einval},
		"status, NO_HOLE":                   {ask{flags: noHole, cmd: 7, n: 1}, einval},
		"resize":                            {ask{cmd: 8, off: 1, n: 1 << 20}, einval},
		"unknown command, length, no bytes": {ask{cmd: 0x7777, n: 1 << 20}, einval},
	} {
		for _, structured := range []bool{false, true} {
			for prompt, h := range houses {
				t.Run(fmt.Sprintf("%s/structured=%v/prompt=%v", name, structured, prompt), func(t *testing.T) {
					want := r.want
					if structured && succeeds[name] {
						want = 0
					}
					c := h.client("unix", structured)
					c.t = t
					if e := c.errno(structured, r.ask); e != want {
						t.Errorf("error %d, want %d", e, want)
					}
					c.alive(structured)
				})
			}
		}
	}
}

func write(off uint64, n uint32, flags uint16) ask {
	return ask{flags: flags, cmd: 1, off: off, n: n, payload: bytes.Repeat([]byte{0xa5}, int(n))}
}

func TestReadOnlyExport(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) { c.ReadOnly = true })
	c := h.haggler("unix")
	if f := c.goes(""); f&0b1101110 != 0b110 { // READ_ONLY and FLUSH, not FUA, TRIM, WRITE_ZEROES
		t.Errorf("flags %#b", f)
	}
	for _, a := range []ask{write(0, 100_000, 0), write(0, 1, 0), {cmd: 4, n: 1}, {cmd: 6, n: 1}} {
		if e := c.errno(false, a); e != eperm {
			t.Errorf("command %d: error %d", a.cmd, e)
		}
	}
	if e := c.errno(false, ask{flags: fua, cmd: 0, n: 1}); e != einval {
		t.Errorf("FUA was not offered: error %d", e)
	}
	c.alive(false)
}

// plain is a disk that can do nothing but read and write.
type plain struct{ *disk }

func (plain) Sync()        {}
func (plain) Trim()        {}
func (plain) WriteZeroes() {}
func (plain) ExtentsAt()   {}
func (plain) CacheAt()     {}
func (plain) ServePrompt() {}

func TestWhatIsNotOfferedIsRefused(t *testing.T) {
	h := newHouse(t, func(h *house, c *nbd.Config) {
		c.Open = func(context.Context, block.OpenRequest) (*block.Door, error) {
			return block.NewDoor(block.FromDevice(plain{h.disk}, block.Info{MinBlock: 512}), "plain", true, h.layerEvent), nil
		}
	})
	c := h.client("unix", true)
	for name, r := range map[string]struct {
		ask
		want uint32
	}{
		"trim":            {ask{cmd: 4, n: 512}, einval},
		"flush":           {ask{cmd: 3}, einval},
		"write, FUA":      {write(0, 512, fua), einval},
		"fast zero":       {ask{flags: fastZero, cmd: 6, n: 512}, einval},
		"zeroes":          {ask{cmd: 6, n: 512}, 0},
		"cache":           {ask{cmd: 5, n: 512}, 0},
		"unaligned read":  {ask{cmd: 0, off: 1, n: 512}, einval},
		"unaligned write": {write(512, 511, 0), einval},
		"status":          {ask{cmd: 7, n: 512}, 0},
	} {
		if e := c.errno(true, r.ask); e != r.want {
			t.Errorf("%s: error %d, want %d", name, e, r.want)
		}
	}
}

func TestStructuredReadsHaveDataAndHoles(t *testing.T) {
	h := newHouse(t)
	h.disk.WriteAt(bytes.Repeat([]byte("a"), 2*page), 2*page)
	want := h.disk.bytes()[:8*page]
	c := h.client("unix", true)
	c.request(1, ask{cmd: 0, off: 100, n: 8*page - 100})
	var kinds []uint16
	at := uint64(100)
	for done := false; !done; {
		k := c.chunk()
		done = k.done
		kinds = append(kinds, k.kind)
		if off := be.Uint64(k.payload); off != at {
			t.Fatalf("a chunk at %d, want %d", off, at)
		}
		if k.kind == hole {
			at += uint64(be.Uint32(k.payload[8:]))
			continue
		}
		if d := k.payload[8:]; !bytes.Equal(d, want[at:at+uint64(len(d))]) {
			t.Error("wrong data")
		}
		at += uint64(len(k.payload) - 8)
	}
	if at != 8*page || fmt.Sprint(kinds) != "[2 1 2]" {
		t.Errorf("chunks %v up to %d", kinds, at)
	}

	c.request(2, ask{flags: df, cmd: 0, off: 100, n: 8*page - 100})
	if k := c.chunk(); !k.done || k.kind != data || !bytes.Equal(k.payload[8:], want[100:]) {
		t.Errorf("DF: chunk %d, done %v", k.kind, k.done)
	}
	c.request(3, ask{flags: df, cmd: 0, off: 1 << 20, n: 1 << 20})
	if k := c.chunk(); !k.done || k.kind != hole || be.Uint32(k.payload[8:]) != 1<<20 {
		t.Errorf("DF on a hole: chunk %d", k.kind)
	}
	c.request(4, ask{cmd: 0, off: 9})
	if k := c.chunk(); !k.done || k.kind != none || len(k.payload) != 0 || k.cookie != 4 {
		t.Errorf("nothing: chunk %+v", k)
	}
	simple := h.client("tcp", false)
	simple.request(5, ask{cmd: 0, off: 0, n: 1 << 20})
	if _, _, b := simple.simple(1 << 20); !bytes.Equal(b, h.disk.bytes()[:1<<20]) {
		t.Error("wrong data in a simple reply")
	}
}

func TestBlockStatus(t *testing.T) {
	h := newHouse(t)
	h.disk.WriteAt([]byte("a"), page)
	c := h.client("unix", true)
	extents := func(a ask) (list []uint32) {
		c.request(9, a)
		k := c.chunk()
		if !k.done || k.kind != status || be.Uint32(k.payload) != 1 {
			t.Fatalf("chunk %+v", k)
		}
		for b := k.payload[4:]; len(b) > 0; b = b[4:] {
			list = append(list, be.Uint32(b))
		}
		return list
	}
	for _, s := range []struct {
		ask
		want string
	}{
		{ask{cmd: 7, n: 8 << 20}, fmt.Sprint([]uint32{page, 3, page, 0, 8<<20 - 2*page, 3})},
		{ask{flags: reqOne, cmd: 7, n: 8 << 20}, fmt.Sprint([]uint32{page, 3})},
		{ask{flags: reqOne, cmd: 7, n: 10}, fmt.Sprint([]uint32{10, 3})},
		{ask{cmd: 7, off: page + 1, n: 1}, fmt.Sprint([]uint32{1, 0})},
	} {
		if got := fmt.Sprint(extents(s.ask)); got != s.want {
			t.Errorf("%+v: extents %s, want %s", s.ask, got, s.want)
		}
	}
}

// vast is a disk of a TiB, all hole, or in tiny pieces.
type vast struct{ step uint64 }

func (vast) Size() uint64                          { return 1 << 40 }
func (vast) ReadAt(b []byte, _ int64) (int, error) { return len(b), nil }

func (v vast) ExtentsAt(w *block.Reply, off, n uint64, _ block.Flags) error {
	for at := uint64(0); at < n; at += v.step {
		w.Extent(v.step, block.ExtentFlags((off+at)/v.step%2))
	}
	return nil
}

func TestBlockStatusIsBounded(t *testing.T) {
	for step, want := range map[uint64]int{1 << 40: 1, 3072: 1 << 20} {
		h := newHouse(t, func(h *house, c *nbd.Config) {
			c.Open = func(context.Context, block.OpenRequest) (*block.Door, error) {
				return block.NewDoor(block.FromDevice(vast{step}, block.Info{}), "vast", true, h.layerEvent), nil
			}
		})
		c := h.client("unix", true)
		c.request(1, ask{cmd: 7, n: 0xffffffff})
		k := c.chunk()
		if got := (len(k.payload) - 4) / 8; got != want {
			t.Errorf("%d extents, want %d", got, want)
		}
		if n := be.Uint32(k.payload[4:]); uint64(n) != min(step, 0xfffff000) {
			t.Errorf("an extent of %#x", n)
		}
	}
}

func TestErrorsOfTheDiskReachTheClient(t *testing.T) {
	var failure atomic.Pointer[error]
	fails := func(err error) { failure.Store(&err) }
	fails(nil)
	h := newHouse(t, through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if err := *failure.Load(); err != nil {
			w.Bytes(r.Length) // what a failed attempt put in is void
			return err
		}
		return next.Serve(ctx, r, w)
	}))
	for _, structured := range []bool{false, true} {
		c := h.client("unix", structured)
		for _, e := range []struct {
			err  error
			want uint32
		}{
			{syscall.EIO, eio}, {syscall.ENXIO, eio}, {fmt.Errorf("odd"), eio}, {block.ErrEnds, eio},
			{syscall.ENOSPC, enospc}, {syscall.EDQUOT, enospc}, {syscall.EFBIG, enospc},
			{syscall.EROFS, eperm}, {syscall.EACCES, eperm}, {syscall.ENOTSUP, einval}, {context.Canceled, eshutdown},
		} {
			fails(fmt.Errorf("read secret.img: %w", e.err))
			if got := c.errno(structured, ask{cmd: 0, n: 4096}); got != e.want {
				t.Errorf("structured %v: %v became %d, want %d", structured, e.err, got, e.want)
			}
		}
		fails(fmt.Errorf("read secret.img: %w", syscall.EIO))
		if structured {
			c.request(1, ask{cmd: 0, n: 4096})
			if k := c.chunk(); strings.Contains(string(k.payload), "secret") {
				t.Errorf("the client was told %q", k.payload)
			}
		}
		fails(syscall.ENOTSUP)
		if got := c.errno(structured, ask{flags: fastZero, cmd: 6, n: 4096}); got != enotsup {
			t.Errorf("a fast zero that is not fast: error %d", got)
		}
		fails(syscall.EOVERFLOW)
		if got := c.errno(structured, ask{cmd: 0, n: 4096}); got != einval {
			t.Errorf("an overflow that was not asked for: error %d", got)
		}
		if structured {
			if got := c.errno(structured, ask{flags: df, cmd: 0, n: 4096}); got != 75 {
				t.Errorf("an overflow with DF: error %d", got)
			}
		}
		fails(nil)
		c.alive(structured)
	}
}

func TestAPanicIsOneFailedRequest(t *testing.T) {
	h := newHouse(t, through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Offset == 666 {
			panic("boo")
		}
		return next.Serve(ctx, r, w)
	}))
	c := h.client("unix", false)
	if e := c.errno(false, ask{cmd: 0, off: 666, n: 1}); e != eio {
		t.Errorf("error %d", e)
	}
	c.alive(false)
}

func TestBrokenStreamsAreClosed(t *testing.T) {
	h := newHouse(t)
	for name, said := range map[string][]byte{
		"wrong magic":                    bytes.Repeat([]byte{0x25}, 28),
		"write of 4 GiB":                 ask{cmd: 1, n: 0xffffffff}.bytes(1),
		"write above the drained size":   ask{cmd: 1, n: 128<<20 + 1}.bytes(1),
		"structured chunk as a request":  append(u32(0x668e33ef), make([]byte, 24)...),
		"extended header, not agreed on": append(u32(0x21e41c71), make([]byte, 28)...),
	} {
		t.Run(name, func(t *testing.T) {
			c := h.client("tcp", true)
			c.t = t
			c.send(said)
			c.closed()
		})
	}
	c := h.client("unix", false) // an unknown command has no payload: what follows is a request, and a wrong one
	c.request(1, ask{cmd: 99, n: 28, payload: make([]byte, 28)})
	if e, _, _ := c.simple(0); e != einval {
		t.Errorf("error %d", e)
	}
	c.closed()
	h.served()
	h.eventually("all are told of", func() bool { return h.told("broke the protocol") == 6 })
}

func TestAWriteThatIsCutShortWritesNothing(t *testing.T) {
	h := newHouse(t)
	for _, n := range []uint32{4096, 30_000, 1 << 20} {
		c := h.client("tcp", false)
		a := write(0, n, 0)
		a.payload = a.payload[:n-1]
		c.request(1, a)
		c.Close()
	}
	h.eventually("all are gone", func() bool { return len(h.server.Clients().Present) == 0 })
	if bytes.IndexByte(h.disk.bytes(), 0xa5) >= 0 {
		t.Error("something was written")
	}
	if n := h.server.Clients(); n.Gone[block.Write].Requests != 0 || n.Seen != 3 {
		t.Errorf("totals %+v", n)
	}
}

func TestCountersCountEachCommand(t *testing.T) {
	h := newHouse(t)
	c := h.client("unix", true)
	c.errno(true, ask{cmd: 0, n: 4096})
	c.errno(true, ask{cmd: 0, off: 1 << 40, n: 1})
	c.errno(true, write(0, 100, 0))
	c.errno(true, ask{cmd: 3})
	n := h.server.Clients()
	got := n.Present[0]
	want := block.Counts{
		block.Read:  {Requests: 2, Bytes: 4096, Errors: 1},
		block.Write: {Requests: 1, Bytes: 100},
		block.Flush: {Requests: 1},
	}
	if got.Counts != want {
		t.Errorf("counts %+v, want %+v", got.Counts, want)
	}
	if got.State != nbd.Active || got.Export != "" || strings.Join(got.Options, " ") != "structured base:allocation" ||
		!got.Peer.Known || got.InFlight != 0 || len(got.Pending) != 0 {
		t.Errorf("client %+v", got)
	}
	c.Close()
	h.eventually("it is gone", func() bool { return len(h.server.Clients().Present) == 0 })
	if n := h.server.Clients(); n.Gone != want || n.Seen != 1 {
		t.Errorf("what is left: %+v", n)
	}
}
