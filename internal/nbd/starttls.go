package nbd

import (
	"crypto/tls"
	"fmt"

	"example.com/nbdtui/internal/nbd/wire"
	"example.com/nbdtui/internal/secure"
)

// secured is the inside of a connection that speaks TLS; its socket stays the connection's, for deadlines and for who
// has to cut it off.
type secured struct {
	secure.Conn
	records *records
	state   tls.ConnectionState
	rest    bool // the last read may have left something of its record
}

func (s *secured) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.rest = n == len(p)
	return n, err
}

// await is input.await: Read will not wait then.
func (s *secured) await() error {
	if s.rest {
		return nil
	}
	return s.records.await()
}

// optStartTLS is NBD_OPT_STARTTLS. Its acknowledgment cannot be taken back: where the handshake of TLS fails the
// connection ends. What was agreed on before is forgotten, since anybody on the way could have said it, and what was
// sent behind the option is TLS's to read ("NBD_OPT_STARTTLS").
func (c *conn) optStartTLS(o option) error {
	switch {
	case o.Length != 0:
		return c.invalid(o, "this option takes no data")
	case c.secured != nil:
		return c.invalid(o, "TLS is in use already")
	case c.server.cfg.TLS == nil:
		return c.refuse(o, wire.RepErrPolicy, "TLS is not offered")
	}
	if err := c.acknowledge(o, nil); err != nil {
		return err
	}
	c.agreed = agreed{fixed: c.fixed, noZeroes: c.noZeroes}
	c.forget()
	r := &records{Conn: c.Conn, in: c.in, idle: c.out.flush}
	r.in.receive = nil // of where it was
	s := &secured{Conn: c.server.cfg.TLS(r), records: r}
	c.secured = s
	c.in = newInput(socket{Conn: s}, &c.server.large)
	if err := s.HandshakeContext(c.ctx); err != nil {
		c.event(Warning, "did not get through the handshake of TLS: %v", err)
		return fmt.Errorf("TLS: %w", err)
	}
	s.state = s.ConnectionState()
	c.in.await = s.await
	c.out.socket, c.out.records = socket{Conn: s}, r
	c.splice = false
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tls = secure.Version(s.state.Version)
	return nil
}

// optPlain answers every option of a client that has to speak TLS and does not yet ("NBD_REP_ERR_TLS_REQD").
func (c *conn) optPlain(o option) error {
	switch o.Type {
	case wire.OptAbort:
		return c.optAbort(o)
	case wire.OptStartTLS:
		return c.optStartTLS(o)
	case wire.OptExportName:
		return violation("an export was asked for without TLS")
	}
	return c.refuse(o, wire.RepErrTLSReqd, "this server requires TLS")
}
