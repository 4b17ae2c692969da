package nbd_test

import (
	"crypto/tls"

	"example.com/nbdtui/internal/nbd"
)

func without(_ *house, c *nbd.Config) { c.TLS = nil }

// everyOption is one of each kind, but those that go on to TLS, to transmission or to the end.
var everyOption = map[uint32][]byte{
	0: nil, 3: nil, 4: nil, 6: join(text("disk"), u16(0)), 8: nil, 9: join(text(""), u32(0)), 10: join(text(""), u32(0)), 11: nil, 99: []byte("x"),
}

// neverWantsTLS wants no option to be refused for want of TLS.
func (c *raw) neverWantsTLS() {
	c.t.Helper()
	for number, b := range everyOption {
		c.option(number, b)
		kind := uint32(repInfo)
		for kind == repInfo || kind == repServer || kind == repContext {
			_, kind, _ = c.reply()
		}
		if kind == tlsReqd {
			c.t.Errorf("option %d was refused without TLS", number)
		}
	}
}

// tlsVersion offers this version and older ones.
func (h *house) tlsVersion(version uint16) {
	h.t.Helper()
	c := h.haggler("tcp")
	c.option(5)
	c.wants(ack)
	c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, Certificates: pair(h.t, "")})
	c.usable()
	c.goes("")
	c.alive(false)
	present := h.server.Clients().Present
	if v := "TLS " + present[len(present)-1].TLS; v != tls.VersionName(version) {
		h.t.Errorf("%s was spoken", v)
	}
}

var tlsRules = []rule{
	{"TLS 1.2 is there, and what is newer", "TLS versions", nil, func(h *house) {
		h.tlsVersion(tls.VersionTLS12)
		h.tlsVersion(tls.VersionTLS13)
	}},
	{"without fixed newstyle there is no TLS", "Server-side requirements", nil, closes(u32(2), optionBytes(5))},
	{"a server without TLS refuses STARTTLS, and never asks for it", "NOTLS mode", without, func(h *house) {
		c := h.haggler("unix")
		c.option(5)
		c.wants(policy)
		c.neverWantsTLS()
	}},
	{"one that requires it acknowledges STARTTLS once, and then never asks for it", "FORCEDTLS mode", forced, func(h *house) {
		c := h.haggler("unix")
		c.option(6, text(""), u16(0))
		c.wants(tlsReqd)
		c.startTLS()
		c.option(5)
		c.wants(invalid)
		c.neverWantsTLS()
	}},
	row(41, "nothing else is answered before", "FORCEDTLS mode"),
	row(42, "EXPORT_NAME ends the connection", "FORCEDTLS mode"),
	{"one that offers it acknowledges STARTTLS once, and never asks for it", "SELECTIVETLS mode", nil, func(h *house) {
		c := h.haggler("tcp")
		c.neverWantsTLS()
		c.startTLS()
		c.option(5)
		c.wants(invalid)
		c.neverWantsTLS()
	}},
	row(14, "STARTTLS with data is refused", "NBD_OPT_STARTTLS"),
	row(37, "behind the acknowledgment all is TLS", "FORCEDTLS mode"),
	row(43, "a handshake of TLS that fails ends the connection", "FORCEDTLS mode"),
	{"what was agreed on before is forgotten", "NBD_OPT_STARTTLS", nil, func(h *house) {
		for _, before := range []uint32{8, 11} {
			c := h.haggler("unix")
			c.option(before)
			c.wants(ack)
			c.chooses()
			c.option(6, text(""), u16(0))
			c.wants(repInfo)
			c.wants(repInfo)
			c.wants(ack)
			c.startTLS()
			c.option(10, text(""), u32(1), text("base:allocation"))
			c.wants(invalid) // there are no chunks
			if f := c.goes(""); f != offered {
				h.t.Errorf("flags %#x", f)
			}
			if e := c.errno(false, ask{cmd: 7, n: 4096}); e != einval {
				h.t.Errorf("block status: error %d", e)
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.opened != 5 || h.closed != 2 { // by the other client, before TLS and inside it
			h.t.Errorf("%d doors were opened and %d closed", h.opened, h.closed)
		}
	}},
}
