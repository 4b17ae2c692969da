package nbd_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

const (
	eperm, eio, einval, enospc, enotsup, eshutdown = 1, 5, 22, 28, 95, 108

	fua, noHole, df, reqOne, fastZero, payloadLen = 1, 2, 4, 8, 16, 32
)

func write(off uint64, n uint32, flags uint16) ask {
	return ask{flags: flags, cmd: 1, off: off, n: n, payload: bytes.Repeat([]byte{0xa5}, int(n))}
}

// plain is a disk that can do nothing but read and write.
type plain struct{ *disk }

func (plain) Sync()        {}
func (plain) Trim()        {}
func (plain) WriteZeroes() {}
func (plain) ExtentsAt()   {}
func (plain) CacheAt()     {}
func (plain) ServePrompt() {}

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
