package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"example.com/nbdtui/internal/param"
)

// The files of a certificate directory, by the names that libnbd, nbdkit and qemu give them.
const (
	caCert     = "ca-cert.pem"
	caKey      = "ca-key.pem"
	caCRL      = "ca-crl.pem" // optional
	serverCert = "server-cert.pem"
	serverKey  = "server-key.pem"
	clientCert = "client-cert.pem"
	clientKey  = "client-key.pem"
)

// SearchPath is where certificates are looked for where nobody says: where "nbdkit" has a server's, and "libnbd" a
// client's.
func SearchPath(program string) []string {
	if os.Geteuid() == 0 {
		return []string{filepath.Join("/etc/pki", program)}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(home, ".pki", program), filepath.Join(home, ".config", "pki", program)}
}

// ErrIncomplete is part of the error where a directory, or a file in it that a server cannot do without, is missing.
var ErrIncomplete = errors.New("a server's certificates are not all there")

// ServerCertificates loads ca-cert.pem, server-cert.pem and server-key.pem, and ca-crl.pem if there is one, from dir.
// With verify a client must show a certificate of that authority, and one that was not revoked; it proves who made the
// certificate, and no name.
func ServerCertificates(dir string, verify bool) (Wrap, error) {
	for _, name := range []string{caCert, serverCert, serverKey} {
		if err := readable(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
		}
	}
	roots, revoked, err := authority(dir)
	if err != nil {
		return nil, err
	}
	pair, err := loadPair(dir, serverCert, serverKey)
	if err != nil {
		return nil, err
	}
	c := base()
	c.Certificates = []tls.Certificate{pair}
	if verify {
		c.ClientAuth, c.ClientCAs, c.VerifyConnection = tls.RequireAndVerifyClientCert, roots, revoked.check
	}
	return func(n net.Conn) Conn { return tls.Server(n, c) }, nil
}

// ClientCertificates loads ca-cert.pem, ca-crl.pem if there is one, and client-cert.pem and client-key.pem if they are
// there, from dir; with an empty dir the system's authorities are trusted. The server's certificate must be for host.
// Without verify it may be anybody's.
func ClientCertificates(dir, host string, verify bool) (Wrap, error) {
	c := base()
	c.ServerName, c.InsecureSkipVerify = host, !verify
	if dir != "" {
		roots, revoked, err := authority(dir)
		if err != nil {
			return nil, err
		}
		c.RootCAs = roots
		if verify {
			c.VerifyConnection = revoked.check
		}
		switch _, err := os.Stat(filepath.Join(dir, clientCert)); {
		case err == nil:
			pair, err := loadPair(dir, clientCert, clientKey)
			if err != nil {
				return nil, err
			}
			c.Certificates = []tls.Certificate{pair}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return func(n net.Conn) Conn { return tls.Client(n, c) }, nil
}

// readable reports a file that cannot be opened.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// authority loads who is trusted, and what the authority has revoked.
func authority(dir string) (*x509.CertPool, revocations, error) {
	path := filepath.Join(dir, caCert)
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	roots, list, err := certificates(pem)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, caCRL)
	pem, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return roots, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	revoked, err := parseRevocations(pem, list)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return roots, revoked, nil
}

// certificates decodes all that a PEM file has, at least one.
func certificates(text []byte) (*x509.CertPool, []*x509.Certificate, error) {
	pool := x509.NewCertPool()
	var list []*x509.Certificate
	for der := range blocks(text, "CERTIFICATE") {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, err
		}
		pool.AddCert(c)
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, nil, errors.New("there is no certificate in it")
	}
	return pool, list, nil
}

func loadPair(dir, cert, key string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, cert), filepath.Join(dir, key))
	if err != nil {
		return pair, param.WithHint(fmt.Errorf("load %s and %s in %s: %w", cert, key, dir, err),
			"both are PEM files, and the key is that of the certificate")
	}
	return pair, nil
}
