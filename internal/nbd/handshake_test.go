package nbd_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

// The empty name may stand for another export, which is told and opened by its own name; what the client has chosen for
// the empty one holds.
func TestTheDefaultExportHasAName(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) {
		c.Default = func(context.Context, block.ListRequest) (string, error) { return "disk", nil }
	})
	c := h.haggler("unix")
	c.option(8)
	c.wants(ack)
	c.chooses()
	c.option(6, text(""), u16(1), u16(1))
	for {
		_, kind, b := c.reply()
		if kind == ack {
			t.Error("its name was not told")
			break
		}
		if be.Uint16(b) == 1 {
			if string(b[2:]) != "disk" {
				t.Errorf("its name is %q", b[2:])
			}
			for kind != ack {
				_, kind, _ = c.reply()
			}
			break
		}
	}
	c.goes("")
	if e := c.errno(true, ask{cmd: 7, n: 4096}); e != 0 {
		t.Errorf("block status: error %d", e)
	}
	if p := h.server.Clients().Present; h.opened != 1 || len(p) != 1 || p[0].Export != "disk" {
		t.Errorf("%d doors were opened, %+v", h.opened, p)
	}
}

func TestInfoAloneIsNoClient(t *testing.T) {
	h := newHouse(t)
	c := h.haggler("tcp")
	c.option(6, text("disk"), u16(0))
	c.wants(repInfo)
	c.wants(repInfo)
	c.wants(ack)
	n := h.server.Clients()
	if len(n.Present) != 1 || n.Present[0].State != nbd.Handshake || n.Seen != 0 {
		t.Errorf("clients are %+v", n)
	}
	c.option(6, text(""), u16(0)) // another export: the first door is closed
	c.wants(repInfo)
	c.wants(repInfo)
	c.wants(ack)
	c.Close()
	h.eventually("the doors are closed", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.closed == 2 })
	h.eventually("the connection is forgotten", func() bool { return len(h.server.Clients().Present) == 0 })
	if n := h.server.Clients(); n.Seen != 0 {
		t.Errorf("%d were seen", n.Seen)
	}
}

func TestAnOldstyleExportThatCannotBeHadEndsTheConnection(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) {
		c.Oldstyle = true
		c.Open = func(context.Context, block.OpenRequest) (*block.Door, error) { return nil, syscall.EIO }
	})
	h.connect("unix").closed()
}

// poor is a listener that runs out of descriptors.
type poor struct {
	net.Listener
	left int
}

func (p *poor) Accept() (net.Conn, error) {
	if p.left > 0 {
		p.left--
		return nil, fmt.Errorf("accept: %w", syscall.EMFILE)
	}
	return p.Listener.Accept()
}
