package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"example.com/nbdtui/internal/param"
)

// lifetime is how long certificates are good.
const lifetime = 10 * 365 * 24 * time.Hour

// MakeCertificates makes an authority, and a certificate of it for a server, by the names and addresses in hosts, and
// for a client, in dir, which it makes where there is none. It replaces no file. Keys are for the user alone.
func MakeCertificates(dir string, hosts []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the certificates' directory: %w", err)
	}
	for _, name := range []string{caCert, caKey, serverCert, serverKey, clientCert, clientKey} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return param.WithHint(fmt.Errorf("%s is there already", filepath.Join(dir, name)),
				"name an empty directory; what is signed by the old authority would not be trusted any more")
		}
	}
	now := time.Now()
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: "nbdtui certificate authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	caPrivate, err := issue(dir, caCert, caKey, ca, ca, nil)
	if err != nil {
		return err
	}
	server := leaf(hosts[0], x509.ExtKeyUsageServerAuth, ca)
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, h)
		}
	}
	if _, err := issue(dir, serverCert, serverKey, server, ca, caPrivate); err != nil {
		return err
	}
	_, err = issue(dir, clientCert, clientKey, leaf("nbdtui client", x509.ExtKeyUsageClientAuth, ca), ca, caPrivate)
	return err
}

// leaf is a certificate that signs no others. qemu wants to read of key encipherment in it, which no cipher of today
// uses.
func leaf(name string, use x509.ExtKeyUsage, ca *x509.Certificate) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{use},
	}
}

// issue makes a key and its certificate, signed by the authority or, where that has no key yet, by itself.
func issue(dir, certName, keyName string, c, ca *x509.Certificate, caPrivate *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if caPrivate == nil {
		caPrivate = private
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, &private.PublicKey, caPrivate)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", certName, err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	if err := writePEM(filepath.Join(dir, keyName), "PRIVATE KEY", key, 0o600); err != nil {
		return nil, err
	}
	return private, writePEM(filepath.Join(dir, certName), "CERTIFICATE", der, 0o644)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: der}); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}
