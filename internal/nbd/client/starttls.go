package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"

	"example.com/nbdtui/internal/nbd/wire"
	"example.com/nbdtui/internal/secure"
)

// recordSize is how much goes into one record of TLS.
const recordSize = 16 << 10

// wrap is the TLS that the URI wants; nil for none.
func (u URI) wrap() (secure.Wrap, error) {
	t := u.TLS
	if !t.Required {
		return nil, nil
	}
	if t.Keys != "" {
		name := t.User
		if name == "" {
			me, err := user.Current()
			if err != nil {
				return nil, fmt.Errorf("whose pre-shared key? %w", err)
			}
			name = me.Username
		}
		return secure.ClientKeys(t.Keys, name)
	}
	if t.Host == "" {
		if t.Host = "localhost"; u.Network == "tcp" {
			t.Host, _, _ = net.SplitHostPort(u.Address)
		}
	}
	if t.Certificates == "" {
		for _, dir := range secure.SearchPath("libnbd") {
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Certificates = dir
				break
			}
		}
	}
	return secure.ClientCertificates(t.Certificates, t.Host, !t.Unverified)
}

// startTLS is NBD_OPT_STARTTLS. The server may not have said anything behind its acknowledgment: whoever sits between
// could have ("NBD_OPT_STARTTLS").
func (h *handshake) startTLS(ctx context.Context, wrap secure.Wrap) error {
	c := h.c
	if h.flags&wire.FixedNewstyle == 0 {
		return errors.New("the server knows no TLS: it does not speak fixed newstyle")
	}
	if err := h.option(wire.OptStartTLS, wire.AppendOption(nil, wire.OptStartTLS, 0), ignore); err != nil {
		return fmt.Errorf("start TLS: %w", err)
	}
	if c.in.end > c.in.start {
		return broken("it went on without TLS after it had agreed to it")
	}
	c.secured = wrap(c.conn)
	if err := c.secured.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	c.in.conn, c.out.conn = c.secured, c.secured
	c.out.record = make([]byte, recordSize)
	return nil
}
