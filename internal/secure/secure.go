// Package secure is the TLS of both sides: what a connection that speaks it is made of, and the files that say who we
// are and whom we trust. Certificates are crypto/tls's; it never decides who has to speak TLS, which is the server's.
package secure

import (
	"context"
	"crypto/tls"
	"net"
)

// Conn is a connection that speaks TLS. *tls.Conn is one.
type Conn interface {
	net.Conn
	// HandshakeContext does the handshake, bounded by ctx and the connection's deadlines.
	HandshakeContext(ctx context.Context) error
	// ConnectionState is what the handshake agreed on.
	ConnectionState() tls.ConnectionState
	// CloseWrite says that nothing more will come (close_notify); the connection below stays open.
	CloseWrite() error
}

// Wrap makes a connection one that speaks TLS; the handshake is still to be done. It reads and writes through n, and
// closes n with itself. Safe for concurrent use.
type Wrap func(n net.Conn) Conn

// base is what both sides have in common. TLS 1.2 is the least (proto.md, "TLS support").
func base() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// A disk's connection is no web page: full records from the first on, and no ticket to come back with, so that
		// a certificate that was revoked is never taken for one that was seen before.
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      true,
	}
}

// Version names a version of TLS, without the protocol's name: "1.3".
func Version(v uint16) string {
	switch v {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return tls.VersionName(v)
}
