package nbd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

// blocker is a hook in which requests wait until they are let go, or until their context ends if they heed it.
type blocker struct {
	begun atomic.Int64
	let   chan struct{}
	deaf  bool
}

func newBlocker() *blocker { return &blocker{let: make(chan struct{})} }

func (b *blocker) serve(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
	if r.Cmd == block.Flush {
		return next.Serve(ctx, r, w)
	}
	b.begun.Add(1)
	done := ctx.Done()
	if b.deaf {
		done = nil
	}
	select {
	case <-b.let:
		return next.Serve(ctx, r, w)
	case <-done:
		return block.ErrShutdown
	}
}

func (h *house) begun(b *blocker, n int64) {
	h.t.Helper()
	h.eventually(fmt.Sprintf("%d requests have begun", n), func() bool { return b.begun.Load() == n })
}

func (h *house) nobody() {
	h.t.Helper()
	h.eventually("everybody is gone", func() bool { return len(h.server.Clients().Present) == 0 })
}

var networks = []string{"unix", "tcp", "tls"}

func TestHeldRequestsOfAHalfClosedClient(t *testing.T) {
	h := newHouse(t)
	for network, want := range map[string]uint32{"unix": 0, "tcp": eshutdown, "tls": 0} {
		if s, err := h.gate.Pause(t.Context()); s != block.Paused || err != nil {
			t.Fatal(s, err)
		}
		c := h.client(network, false)
		for i := range 20 { // more than there are workers
			c.request(uint64(i), ask{cmd: 0, n: 4096})
		}
		h.eventually("they are held", func() bool { return h.server.Clients().Present[0].Held == 16 })
		if n := len(h.server.Clients().Present[0].Pending); n != 16 {
			t.Errorf("%d pending", n)
		}
		c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		if want == 0 {
			c.silent()
			h.gate.Resume()
		}
		for range 20 {
			if e, _, _ := c.simple(4096); e != want {
				t.Errorf("%s: error %d, want %d", network, e, want)
			}
		}
		c.closed()
		h.gate.Resume()
		h.nobody()
	}
}

// endless says the same for ever.
type endless []byte

func (e endless) Read(b []byte) (int, error) {
	n := len(b) / len(e) * len(e)
	return copy(b, bytes.Repeat(e, n/len(e))), nil
}

func TestBudgets(t *testing.T) {
	b := newBlocker()
	h := newHouse(t, through(b.serve))
	for i := range 5 {
		c := h.client("unix", true)
		for range 16 {
			c.request(1, ask{cmd: 0, n: 8 << 20})
		}
		// 64 MiB each, until 256 MiB are in hand.
		h.begun(b, []int64{8, 16, 24, 32, 32}[i])
	}
	one := h.client("unix", true)
	one.request(1, ask{cmd: 0, n: 4096})    // small ones are not charged
	one.request(1, ask{cmd: 0, n: 1 << 20}) // and everybody may have one that is not large
	h.begun(b, 34)
	close(b.let)
	h.begun(b, 5*16+2)
}

// Who waits for memory can still vanish, be disconnected, and be shut down.
func TestWhoWaitsForMemoryCanLeave(t *testing.T) {
	b := newBlocker()
	h := newHouse(t, through(b.serve), func(_ *house, c *nbd.Config) { c.MaxMemory = 8 << 20 })
	first := h.client("unix", true)
	first.request(1, ask{cmd: 0, n: 8 << 20})
	h.begun(b, 1)
	id := h.server.Clients().Present[0].ID
	for _, network := range networks {
		for _, cmd := range []uint16{0, 1} {
			c := h.client(network, true)
			c.request(1, ask{cmd: cmd, n: 4 << 20}) // of a write only the header, since no more is read
			c.silent()
			c.Close()
			h.eventually("it is gone", func() bool { return len(h.server.Clients().Present) == 1 })
		}
	}
	c := h.client("unix", true)
	c.request(1, ask{cmd: 0, n: 4 << 20})
	c.silent()
	for _, x := range h.server.Clients().Present {
		if x.ID != id {
			h.server.Disconnect(x.ID, true)
		}
	}
	c.closed()
	h.eventually("it is gone", func() bool { return len(h.server.Clients().Present) == 1 })
	c = h.client("unix", true)
	c.request(1, ask{cmd: 0, n: 4 << 20})
	c.silent()
	h.gate.Stop()
	done := make(chan error)
	go func() { done <- h.server.Shutdown(t.Context()) }()
	if e := c.chunk(); e.kind != fail || be.Uint32(e.payload) != eshutdown {
		t.Errorf("chunk %+v", e)
	}
	c.closed()
	close(b.let)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSoftDisconnect(t *testing.T) {
	b := newBlocker()
	h := newHouse(t, through(b.serve))
	c := h.client("unix", false)
	c.request(1, ask{cmd: 0, n: 4096})
	h.begun(b, 1)
	id := h.server.Clients().Present[0].ID
	if err := h.server.Disconnect(id, false); err != nil {
		t.Fatal(err)
	}
	if s := h.server.Clients().Present[0].State; s != nbd.Leaving {
		t.Errorf("state %d", s)
	}
	for _, r := range []struct {
		ask
		want uint32
	}{
		{ask{cmd: 0, n: 4096}, eshutdown}, {write(0, 100_000, 0), eshutdown}, {ask{cmd: 3}, eshutdown},
		{ask{cmd: 0, off: 1 << 50, n: 1}, einval}, {ask{cmd: 99}, einval}, {write(8<<20, 1, 0), enospc},
	} {
		if e := c.errno(false, r.ask); e != r.want {
			t.Errorf("%d: error %d, want %d", r.cmd, e, r.want)
		}
	}
	close(b.let)
	if e, cookie, _ := c.simple(4096); e != 0 || cookie != 1 {
		t.Errorf("what was in flight: error %d", e)
	}
	c.request(2, ask{cmd: 2})
	c.closed()
	h.nobody()
	if err := h.server.Disconnect(id, false); err == nil {
		t.Error("a client that is gone was disconnected")
	}
}

func TestForcedDisconnect(t *testing.T) {
	for _, network := range networks {
		b := newBlocker()
		h := newHouse(t, through(b.serve))
		c := h.client(network, false)
		for i := range 20 {
			c.request(uint64(i), ask{cmd: 0, n: 4096})
		}
		h.begun(b, 16)
		if err := h.server.Disconnect(h.server.Clients().Present[0].ID, true); err != nil {
			t.Fatal(err)
		}
		c.closed()
		h.nobody()
		if h.told("disconnected by force") != 1 {
			t.Error("nobody was told")
		}
	}
}

// TLS tells an end from a connection that somebody cut: the client finds the first, which is one short record.
func TestForcedDisconnectUnderTLS(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		b := newBlocker()
		h := newHouse(t, through(b.serve))
		c := h.haggler(network)
		wire := c.Conn
		c.startTLS()
		c.goes("")
		for i := range 40 {
			c.request(uint64(i), ask{cmd: 0, n: 4096})
		}
		h.begun(b, 16)
		if err := h.server.Disconnect(h.server.Clients().Present[0].ID, true); err != nil {
			t.Fatal(err)
		}
		if last, err := io.ReadAll(wire); err != nil || len(last) == 0 || len(last) > 64 {
			t.Errorf("%s: the last bytes are %x, %v", network, last, err)
		}
		h.nobody()
	}
}

func TestForcedDisconnectOfAClientThatDoesNotRead(t *testing.T) {
	h := newHouse(t)
	h.fill()
	c := h.client("tcp", false)
	go io.Copy(c, endless(ask{cmd: 0, n: 1 << 20}.bytes(1)))
	h.eventually("it is served", func() bool { return h.server.Clients().Present[0].Counts[block.Read].Requests > 1 })
	h.server.Disconnect(h.server.Clients().Present[0].ID, true)
	h.nobody()
}

func TestALayerMayDisconnectItsClient(t *testing.T) {
	for _, force := range []bool{false, true} {
		var disconnect func(bool)
		h := newHouse(t, through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
			disconnect(force)
			return next.Serve(ctx, r, w)
		}), func(h *house, c *nbd.Config) {
			open := c.Open
			c.Open = func(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
				disconnect = o.Disconnect
				return open(ctx, o)
			}
		})
		c := h.client("unix", false)
		if c.request(1, ask{cmd: 0, n: 1}); force {
			c.closed()
			continue
		}
		if e, _, _ := c.simple(1); e != 0 {
			t.Errorf("error %d", e)
		}
		if e := c.errno(false, ask{cmd: 0, n: 1}); e != eshutdown {
			t.Errorf("error %d", e)
		}
	}
}

func TestShutdownAnswersWhatIsInFlight(t *testing.T) {
	b := newBlocker()
	h := newHouse(t, through(b.serve))
	idle, haggling := h.client("unix", true), h.haggler("tcp")
	c := h.client("unix", true)
	for i := range 40 {
		c.request(uint64(i), ask{cmd: 0, n: 4096})
	}
	h.begun(b, 16)
	h.gate.Stop()
	done := make(chan error)
	go func() { done <- h.server.Shutdown(t.Context()) }()
	idle.closed()
	haggling.closed()
	if _, err := net.Dial("unix", h.unix); err == nil {
		t.Error("a client was accepted")
	}
	close(b.let)
	// Also answered: those that waited for a worker, and those that the reader had read. What lay in the socket is not.
	replies, _ := io.ReadAll(c)
	wellFormed(t, replies)
	answered := 0
	for b := replies; len(b) > 0; b = b[20+be.Uint32(b[16:]):] {
		if be.Uint16(b[6:]) != fail {
			answered++
		} else if e := be.Uint32(b[20:]); e != eshutdown {
			t.Errorf("error %d", e)
		}
	}
	if answered != 16 {
		t.Errorf("%d were answered", answered)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownOfAPausedServer(t *testing.T) {
	h := newHouse(t)
	h.gate.Pause(t.Context())
	c := h.client("unix", false)
	for i := range 20 {
		c.request(uint64(i), write(0, 512, 0))
	}
	h.eventually("they are held", func() bool { return h.server.Clients().Present[0].Held == 16 })
	h.gate.Stop()
	if err := h.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range 16 { // the others may lie in the socket
		if e, _, _ := c.simple(0); e != eshutdown {
			t.Errorf("error %d", e)
		}
	}
}

func TestShutdownFlushesEachExportOnceThoughTheGateIsStopped(t *testing.T) {
	var flushes atomic.Int64
	flush := func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
		if r.Cmd == block.Flush {
			flushes.Add(1)
			return syscall.EIO
		}
		return next.Serve(ctx, r, w)
	}
	h := newHouse(t, through(flush))
	for range 3 {
		c := h.client("unix", false)
		c.alive(false)
		other := h.haggler("unix")
		other.goes("disk")
	}
	h.gate.Pause(t.Context())
	h.gate.Stop()
	if err := h.server.Shutdown(t.Context()); !errors.Is(err, syscall.EIO) {
		t.Errorf("the flush failed, and shutdown said %v", err)
	}
	if n := flushes.Load(); n != 2 {
		t.Errorf("%d flushes", n)
	}
}

func TestShutdownEndsWhatSleepsWhenItsTimeIsOver(t *testing.T) {
	b := newBlocker()
	h := newHouse(t, through(b.serve))
	c := h.client("tcp", false)
	c.request(1, write(0, 100, 0))
	h.begun(b, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.gate.Stop()
	go func() { // the linger of TCP
		if e, _, _ := c.simple(0); e != eshutdown {
			t.Errorf("error %d", e)
		}
		c.Close()
	}()
	if err := h.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsOffWhatDoesNotEnd(t *testing.T) {
	b := newBlocker()
	b.deaf = true
	h := newHouse(t, through(b.serve))
	c := h.client("unix", true)
	c.request(1, ask{cmd: 0, n: 4096})
	h.begun(b, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.gate.Stop()
	if err := h.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request would not end, and shutdown said %v", err)
	}
	c.closed()
	if h.told("was cut off with 1 requests in flight") != 1 {
		t.Error("nobody was told")
	}
	close(b.let)
	h.nobody()
}

func TestOptionsDuringShutdown(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	h := newHouse(t, func(h *house, c *nbd.Config) {
		c.List = func(context.Context, block.ListRequest) ([]block.Export, error) {
			entered <- struct{}{}
			<-leave
			return nil, nil
		}
	})
	c := h.haggler("unix")
	c.send(optionBytes(3), optionBytes(7, text(""), u16(0)), optionBytes(2))
	<-entered
	done := make(chan error)
	go func() { done <- h.server.Shutdown(t.Context()) }()
	h.eventually("no client can come", func() bool { _, err := net.Dial("unix", h.unix); return err != nil })
	close(leave)
	c.wants(ack)
	if _, kind, _ := c.reply(); kind != 1<<31+7 && kind != repInfo {
		t.Errorf("answered %#x", kind)
	}
	io.Copy(io.Discard, c)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAdmission(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) {
		c.Admit = func(_ context.Context, p block.Peer) error {
			if p.Known {
				return nil
			}
			return errors.New("no strangers")
		}
	})
	n, err := net.Dial("tcp", h.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	(&raw{t: t, Conn: n}).closed()
	h.served()
	h.eventually("somebody is told", func() bool { return h.told("no strangers") == 1 })
}

func TestADefectEndsOneConnection(t *testing.T) {
	h := newHouse(t, func(h *house, c *nbd.Config) {
		open := c.Open
		c.Open = func(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
			if o.Name == "boo" {
				panic(o.Name)
			}
			return open(ctx, o)
		}
	})
	c := h.haggler("unix")
	c.option(7, text("boo"), u16(0))
	c.closed()
	h.served()
	if h.told("defect: boo") != 1 {
		t.Error("nobody was told")
	}
}

func TestASizeThatNoClientCanReadIsNotServed(t *testing.T) {
	h := newHouse(t, func(h *house, c *nbd.Config) {
		c.Open = func(context.Context, block.OpenRequest) (*block.Door, error) {
			return block.NewDoor(huge{}, "huge", true, h.layerEvent), nil
		}
	})
	c := h.haggler("unix")
	c.option(7, text(""), u16(0))
	c.wants(unknown)
	c.usable()
}

type huge struct{ block.Handler }

func (huge) Info() block.Info            { return block.Info{Size: 1 << 63} }
func (huge) Close(context.Context) error { return nil }
