package secure

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/nbdtui/internal/param"
)

// made is a directory of certificates for localhost and 192.0.2.7.
func made(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	if err := MakeCertificates(dir, []string{"disks.example.com", "localhost", "192.0.2.7"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// meet has two sides shake hands, and returns how each fared.
func meet(t *testing.T, server, client Wrap) (theirs, ours error) {
	t.Helper()
	a, b := connected(t) // a pipe has no room for an alert that nobody reads
	done := make(chan error)
	go func() {
		defer b.Close()
		s := server(b)
		err := s.HandshakeContext(t.Context())
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		done <- err
	}()
	c := client(a)
	if ours = c.HandshakeContext(t.Context()); ours == nil {
		_, ours = c.Read(make([]byte, 1)) // TLS 1.3 tells of a refused certificate only here
	}
	a.Close()
	return <-done, ours
}

func must(t *testing.T) func(w Wrap, err error) Wrap {
	return func(w Wrap, err error) Wrap {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
}

func TestCertificatesProveBothSides(t *testing.T) {
	dir, stranger, alone := made(t), made(t), made(t)
	os.Remove(filepath.Join(alone, clientCert))
	for _, name := range []string{caCert, caKey} { // trusts the server, and has nothing to show
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(alone, name), b, 0o600)
	}
	ok := must(t)
	for name, c := range map[string]struct {
		server, client Wrap
		want           string
	}{
		"a name":                      {ok(ServerCertificates(dir, true)), ok(ClientCertificates(dir, "disks.example.com", true)), ""},
		"an address":                  {ok(ServerCertificates(dir, true)), ok(ClientCertificates(dir, "192.0.2.7", true)), ""},
		"another name":                {ok(ServerCertificates(dir, true)), ok(ClientCertificates(dir, "192.0.2.8", true)), "192.0.2.8"},
		"another name, not looked at": {ok(ServerCertificates(dir, true)), ok(ClientCertificates(dir, "x", false)), ""},
		"another authority":           {ok(ServerCertificates(stranger, false)), ok(ClientCertificates(dir, "localhost", true)), "unknown authority"},
		"a stranger as a client":      {ok(ServerCertificates(dir, true)), ok(ClientCertificates(stranger, "localhost", false)), "unknown"},
		"a stranger, not asked":       {ok(ServerCertificates(dir, false)), ok(ClientCertificates(stranger, "localhost", false)), ""},
		"no certificate":              {ok(ServerCertificates(dir, true)), ok(ClientCertificates(alone, "localhost", true)), "required"},
		"no certificate, not asked":   {ok(ServerCertificates(dir, false)), ok(ClientCertificates(alone, "localhost", true)), ""},
		"the system's authorities":    {ok(ServerCertificates(dir, false)), ok(ClientCertificates("", "localhost", true)), "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			theirs, ours := meet(t, c.server, c.client)
			switch {
			case c.want == "" && (theirs != nil || ours != nil):
				t.Errorf("the server says %v, the client %v", theirs, ours)
			case c.want != "" && (ours == nil || !strings.Contains(ours.Error(), c.want)):
				t.Errorf("the client says %v, want %q", ours, c.want)
			}
		})
	}
}

// revoke writes a list that an authority's key signs, of one certificate or none.
func revoke(t *testing.T, dir, signer, cert string, until time.Time) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(signer, caCert), filepath.Join(signer, caKey))
	if err != nil {
		t.Fatal(err)
	}
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: until.Add(-24 * time.Hour), NextUpdate: until}
	if cert != "" {
		text, err := os.ReadFile(filepath.Join(dir, cert))
		if err != nil {
			t.Fatal(err)
		}
		_, certs, err := certificates(text)
		if err != nil {
			t.Fatal(err)
		}
		list.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: certs[0].SerialNumber, RevocationTime: time.Now()}}
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, pair.Leaf, pair.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, caCRL), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRevokedCertificatesAreRefused(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	for name, c := range map[string]struct {
		cert  string
		until time.Time
		says  string
	}{
		"nobody":       {"", tomorrow, ""},
		"the client":   {clientCert, tomorrow, `the certificate of "nbdtui client" was revoked`},
		"an old list":  {"", time.Now().Add(-time.Hour), "has expired"},
		"somebody too": {serverCert, tomorrow, ""}, // the server does not look at its own
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			client := must(t)(ClientCertificates(dir, "localhost", true)) // before there is a list
			revoke(t, dir, dir, c.cert, c.until)
			theirs, _ := meet(t, must(t)(ServerCertificates(dir, true)), client)
			if c.says == "" && theirs != nil || c.says != "" && (theirs == nil || !strings.Contains(theirs.Error(), c.says)) {
				t.Errorf("the server says %v, want %q", theirs, c.says)
			}
		})
	}
	dir := made(t)
	server := must(t)(ServerCertificates(dir, false))
	revoke(t, dir, dir, serverCert, tomorrow)
	if _, ours := meet(t, server, must(t)(ClientCertificates(dir, "localhost", true))); ours == nil || !strings.Contains(ours.Error(), "was revoked") {
		t.Errorf("the client says %v", ours)
	}
}

func TestBrokenDirectoriesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil      func(dir string)
		says       string
		incomplete bool
	}{
		"nothing there":     {func(dir string) { os.RemoveAll(dir) }, caCert, true},
		"no key":            {func(dir string) { os.Remove(filepath.Join(dir, serverKey)) }, serverKey, true},
		"a foreign key":     {func(dir string) { copyTo(dir, clientKey, serverKey) }, "private key does not match", false},
		"no certificate":    {func(dir string) { os.WriteFile(filepath.Join(dir, caCert), nil, 0o600) }, "no certificate in it", false},
		"an empty list":     {func(dir string) { os.WriteFile(filepath.Join(dir, caCRL), nil, 0o600) }, "no revocation list", false},
		"a stranger's list": {func(dir string) { revoke(t, dir, made(t), "", time.Now().Add(time.Hour)) }, "not signed by an authority", false},
	} {
		dir := made(t)
		c.spoil(dir)
		_, err := ServerCertificates(dir, true)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) || errors.Is(err, ErrIncomplete) != c.incomplete {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func copyTo(dir, from, to string) {
	b, err := os.ReadFile(filepath.Join(dir, from))
	if err == nil {
		os.WriteFile(filepath.Join(dir, to), b, 0o600)
	}
}

func TestNothingIsReplacedAndKeysAreTheUsersAlone(t *testing.T) {
	dir := made(t)
	before, _ := os.ReadFile(filepath.Join(dir, caCert))
	for _, name := range []string{caKey, serverKey, clientKey} {
		i, err := os.Stat(filepath.Join(dir, name))
		if err != nil || i.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, i.Mode(), err)
		}
	}
	os.Remove(filepath.Join(dir, clientKey))
	var hint *param.Hint
	if err := MakeCertificates(dir, []string{"x"}); !errors.As(err, &hint) || !strings.Contains(err.Error(), caCert+" is there already") {
		t.Errorf("a second time: %v", err)
	}
	after, _ := os.ReadFile(filepath.Join(dir, caCert))
	if !bytes.Equal(before, after) {
		t.Error("it was replaced")
	}
	if _, err := os.Lstat(filepath.Join(dir, clientKey)); err == nil {
		t.Error("a key was made")
	}
}
