package nbd_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

// pipes is a listener whose connections never see the kernel: where time is only made believe, nothing else may be
// real.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if n, ok := <-p; ok {
		return n, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	defer func() { recover() }() // closed twice
	close(p)
	return nil
}

func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// bubble runs test with a server in make-believe time, and a client that is ready to haggle.
func bubble(t *testing.T, test func(h *house, c *raw)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, gate: block.NewGate(nil), disk: newDisk(8 << 20), flags: 3}
		h.server = nbd.NewServer(nbd.Config{
			Open:  h.open,
			List:  func(context.Context, block.ListRequest) ([]block.Export, error) { return []block.Export{{}}, nil },
			Gate:  h.gate,
			Event: h.event,
		})
		l := make(pipes)
		served := make(chan error)
		go func() { served <- h.server.Serve(l) }()
		ours, theirs := net.Pipe()
		l <- theirs
		c := &raw{t: t, Conn: ours}
		c.read(18)
		c.send(u32(3))
		test(h, c)
		c.Close()
		if err := h.server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func TestAClientThatStallsIsGivenUpAfterThirtySeconds(t *testing.T) {
	bubble(t, func(h *house, c *raw) {
		c.goes("")
		h.disk.WriteAt([]byte("x"), 0)
		c.request(1, ask{cmd: 0, n: 4 << 20})
		for range 4 { // slow is not stalled
			time.Sleep(29 * time.Second)
			c.read(1 << 20)
		}
		synctest.Wait()
		if h.told("left") > 0 {
			t.Error("a slow client was given up")
		}
		c.request(2, ask{cmd: 0, n: 4 << 20})
		began := time.Now()
		for len(h.server.Clients().Present) > 0 {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < 29*time.Second || took > 32*time.Second {
			t.Errorf("given up after %v", took)
		}
		if h.told("it did not read its replies") != 1 {
			t.Error("nobody was told")
		}
	})
}

func TestSoftDisconnectEndsAfterItsGrace(t *testing.T) {
	bubble(t, func(h *house, c *raw) {
		b := newBlocker()
		h.hook = b.serve
		c.goes("")
		c.request(1, ask{cmd: 0, n: 1})
		synctest.Wait()
		began := time.Now()
		h.server.Disconnect(1, false)
		if e, _, _ := c.simple(1); e != eshutdown { // what still sleeps then is ended
			t.Errorf("error %d", e)
		}
		c.closed()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}

func TestTheHandshakesDeadlineIsTheHandshakesAlone(t *testing.T) {
	bubble(t, func(_ *house, c *raw) {
		c.goes("")
		time.Sleep(time.Hour)
		c.alive(false)
	})
}

func TestTheHandshakesTimeIsTheClients(t *testing.T) {
	bubble(t, func(h *house, c *raw) {
		h.slow = time.Minute
		c.option(6, text(""), u16(0)) // what the server needs is not counted
		c.wants(repInfo)
		c.wants(repInfo)
		c.wants(ack)
		time.Sleep(9 * time.Second)
		c.option(8)
		c.wants(ack)
		began := time.Now()
		c.closed()
		if took := time.Since(began); took != time.Second {
			t.Errorf("closed %v later", took)
		}
	})
}
