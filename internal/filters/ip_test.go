package filters

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net"
	"slices"
	"syscall"
	"testing"

	"github.com/mdlayher/vsock"

	"example.com/nbdtui/internal/block"
)

func tcp(address string) block.Peer {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		panic(err)
	}
	return block.Peer{Addr: a}
}

func TestIPRules(t *testing.T) {
	four, six := tcp("192.0.2.7:1000"), tcp("[2001:db8::7]:1000")
	mapped := block.Peer{Addr: &net.TCPAddr{IP: net.ParseIP("192.0.2.7").To16()}}
	scoped := block.Peer{Addr: &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "lo"}}
	unix := block.Peer{Addr: &net.UnixAddr{Net: "unix"}, Known: true, Pid: 42, Uid: 1000, Gid: 0, Label: "system_u:system_r:svirt_t:s0:c57,c932"}
	unknown := block.Peer{Addr: &net.UnixAddr{Net: "unix"}}
	virtual := block.Peer{Addr: &vsock.Addr{ContextID: 3, Port: 1024}}
	all := []block.Peer{four, six, mapped, scoped, unix, unknown, virtual}
	for _, c := range []struct {
		words []string
		in    []block.Peer
	}{
		{nil, all},
		{[]string{"allow=any"}, all},
		{[]string{"allow=192.0.2.7"}, all}, // nothing is denied
		{[]string{"deny=any"}, nil},
		{[]string{"deny=ALL"}, nil},
		{[]string{"allow=192.0.2.7", "deny=any"}, []block.Peer{four, mapped}},
		{[]string{"deny=any", "allow=192.0.2.7"}, []block.Peer{four, mapped}}, // the order does not matter
		{[]string{"allow=::ffff:192.0.2.7", "deny=any"}, []block.Peer{four, mapped}},
		{[]string{"allow=192.0.2.8", "deny=all"}, nil},
		{[]string{"allow=192.0.0.0/22", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=192.0.3.255/23", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=0.0.0.0/0", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=::/0", "deny=all"}, []block.Peer{six, scoped}},
		{[]string{"allow=2001:DB8::/32,fe80::/10", "deny=all"}, []block.Peer{six, scoped}},
		{[]string{"allow=anyipv4,", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=AllIPv6", "deny=all"}, []block.Peer{six, scoped}},
		{[]string{"allow=anyunix", "deny=all"}, []block.Peer{unix, unknown}},
		{[]string{"allow=anyvsock", "deny=all"}, []block.Peer{virtual}},
		{[]string{"allow=vsock-cid:3", "deny=all"}, []block.Peer{virtual}},
		{[]string{"allow=VSOCK-port:1024,vsock-cid:0", "deny=all"}, []block.Peer{virtual}},
		{[]string{"allow=vsock-cid:1024,vsock-port:3,vsock-cid:0,vsock-port:0", "deny=all"}, nil}, // nor those who have none
		{[]string{"allow=security:system_u:system_r:svirt_t:s0:c57,c932", "deny=all"}, []block.Peer{unix}},
		{[]string{"allow=security:x,Security:system_u:system_r:svirt_t:s0:c57,c932,anyipv6", "deny=all"}, []block.Peer{unix, six, scoped}},
		{[]string{"allow=security:system_u:system_r:svirt_t:s0:c57", "deny=all"}, nil},
		{[]string{"allow=security:system_u:system_r:svirt_t:s0", "deny=all"}, nil},
		{[]string{"deny=security:system_u:system_r:svirt_t:s0:c57,c932"}, []block.Peer{four, six, mapped, scoped, unknown, virtual}},
		{[]string{"deny=dn:CN=x"}, all},
		{[]string{"allow=dn:CN=x", "deny=all"}, all}, // each may still show a certificate
		{[]string{"allow=uid:1000,pid:1", "deny=all"}, []block.Peer{unix}},
		{[]string{"allow=uid:0", "deny=all"}, nil},
		{[]string{"allow=gid:0", "deny=all"}, []block.Peer{unix}}, // not one whose group nobody knows
		{[]string{"allow=uid:0", "allow=pid:42", "deny=all"}, []block.Peer{unix}},
		{[]string{"deny=anyunix,192.0.2.0/24"}, []block.Peer{six, scoped, virtual}},
		{[]string{"allow=", "deny=anyipv6"}, []block.Peer{four, mapped, unix, unknown, virtual}},
	} {
		s := over(t, "ip", c.words...)
		for _, p := range all {
			want := false
			for _, in := range c.in {
				want = want || in == p
			}
			if err := s.Admit(t.Context(), p); (err == nil) != want {
				t.Errorf("%v: %v (pid %d): %v, want it in: %v", c.words, p, p.Pid, err, want)
			}
		}
	}
}

func TestIPRefusesBadRules(t *testing.T) {
	for _, value := range []string{
		"x", "any,,all", ",any", "any,x", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/x",
		"::1/129", ":::", "fe80::1%lo", "fe80::%lo/10", "localhost", "pid:0", "pid:", "pid:-1", "uid:x", "gid:4294967296", "uid:0 ", "any ",
		"user:1", "unix", "vsock-cid:", "vsock-cid:-1", "vsock-port:x", "vsock-port:4294967296", "vsock:1", "security:", "security",
		"dn:", "DN:", "issuer-dn:", "any,dn:", "dn",
	} {
		if refused(t, "ip", "allow", value) == nil {
			t.Errorf("allow=%s is taken", value)
		}
		if refused(t, "ip", "deny", value) == nil {
			t.Errorf("deny=%s is taken", value)
		}
	}
}

// certificate makes one for subject, from issuer. Its key and signature are of no account: it was verified before.
func certificate(t *testing.T, subject, issuer pkix.RDNSequence) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := func(n pkix.RDNSequence) []byte {
		raw, err := asn1.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: name(subject)}
	parent := &x509.Certificate{RawSubject: name(issuer)}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// relative is one part of a name.
func relative(oid asn1.ObjectIdentifier, value any) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{{Type: oid, Value: value}}
}

var (
	country  = asn1.ObjectIdentifier{2, 5, 4, 6}
	place    = asn1.ObjectIdentifier{2, 5, 4, 7}
	company  = asn1.ObjectIdentifier{2, 5, 4, 10}
	common   = asn1.ObjectIdentifier{2, 5, 4, 3}
	domain   = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
	obscure  = asn1.ObjectIdentifier{1, 2, 3, 4}
	bigCo    = pkix.RDNSequence{relative(common, "BigCo")}
	client   = pkix.RDNSequence{relative(country, "US"), relative(place, "New York"), relative(company, "BigCo"), relative(common, "client.example.com")}
	stranger = pkix.RDNSequence{relative(common, "stranger")}
)

func TestDistinguishedNames(t *testing.T) {
	for want, name := range map[string]pkix.RDNSequence{
		"CN=client.example.com,O=BigCo,L=New York,C=US": client,
		"CN=BigCo":                        bigCo,
		"":                                {},
		`CN=\#a\,b\+c\"d\\e\<f\>g\;h=i\ `: {relative(common, `#a,b+c"d\e<f>g;h=i `)},
		`O=\ ,CN=Jörg`:                    {relative(common, "Jörg"), relative(company, " ")},
		"DC=example,DC=org":               {relative(domain, "org"), relative(domain, "example")},
		"1.2.3.4=#130168":                 {relative(obscure, "h")},
		"1.2.3.4=#160168":                 {relative(obscure, asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("h")})},
		"2.5.4.3=#020107":                 {relative(common, 7)},
		"CN=a\\00b":                       {relative(common, "a\x00b")},
		"CN=J+O=x":                        {{{Type: common, Value: "J"}, {Type: company, Value: "x"}}},
	} {
		raw, err := asn1.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := distinguishedName(raw); got != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if got, err := distinguishedName([]byte("junk")); err == nil {
		t.Errorf("junk is %q", got)
	}
}

// A client is judged by its certificate when it opens the export, and only by one that was verified.
func TestIPByCertificate(t *testing.T) {
	verified := func(subject, issuer pkix.RDNSequence) *tls.ConnectionState {
		c := certificate(t, subject, issuer)
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
	}
	states := map[string]*tls.ConnectionState{
		"plain": nil, "psk": {}, "client": verified(client, bigCo), "stranger": verified(stranger, bigCo), "other": verified(client, stranger),
		"unverified": {PeerCertificates: []*x509.Certificate{certificate(t, client, bigCo)}},
	}
	for _, c := range []struct {
		words []string
		in    []string
	}{
		{[]string{"allow=dn:CN=client.example.com,O=BigCo,L=New York,C=US", "deny=any"}, []string{"client", "other"}},
		{[]string{"allow=DN:CN=client.example.com,O=BigCo,L=New York,C=US", "deny=any"}, []string{"client", "other"}},
		{[]string{"allow=dn:CN=client.example.com", "deny=any"}, nil},
		{[]string{"allow=issuer-dn:CN=BigCo", "deny=any"}, []string{"client", "stranger"}},
		{[]string{"allow=anyipv6,issuer-dn:CN=BigCo", "deny=any"}, []string{"client", "stranger"}},
		{[]string{"allow=anyipv4,issuer-dn:CN=BigCo", "deny=any"}, []string{"plain", "psk", "client", "stranger", "other", "unverified"}},
		{[]string{"deny=dn:CN=stranger"}, []string{"plain", "psk", "client", "other", "unverified"}},
		{[]string{"allow=dn:CN=stranger", "deny=issuer-dn:CN=BigCo"}, []string{"plain", "psk", "stranger", "other", "unverified"}},
	} {
		s := over(t, "ip", c.words...)
		for name, state := range states {
			o := block.OpenRequest{Peer: tcp("192.0.2.7:1000"), TLS: state}
			if err := s.Admit(t.Context(), o.Peer); err != nil {
				t.Errorf("%v: %s is not even admitted: %v", c.words, name, err)
			}
			want := slices.Contains(c.in, name)
			d, err := s.Try(t.Context(), o)
			if (err == nil) != want || err != nil && !errors.Is(err, syscall.EPERM) {
				t.Errorf("%v: %s: %v, want it in: %v", c.words, name, err, want)
			}
			if err == nil {
				d.Close(t.Context())
			}
		}
		s.Open(t, block.OpenRequest{}) // the session's own look
	}
}
