package filters

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"

	"github.com/mdlayher/vsock"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "ip",
		Summary: "let clients in by their address, or by who they are",
		Help: `Drops a client before it is greeted unless a rule of allow= fits it, or no rule of deny= does. Rules are
separated by commas, and the parameters may be repeated. A rule is one of

    any, all                  every client
    anyipv4, anyipv6          every client by IPv4 or IPv6 (or allipv4, allipv6)
    anyunix, anyvsock         every client by a Unix socket or vsock (or allunix, allvsock)
    192.0.2.1, 192.0.2.0/24   an IPv4 address or network
    2001:db8::1, fe80::/10    an IPv6 address or network
    pid:N, uid:N, gid:N       a client of a Unix socket whose process, user or group is N
    vsock-cid:N, vsock-port:N a client by vsock whose context or port is N
    security:LABEL            a client of a Unix socket with this security label (SELinux)
    dn:NAME, issuer-dn:NAME   a client by TLS whose certificate was verified (--tls-verify-peer) and is for
                              this name, or from this issuer; NAME is all that follows, commas too

    nbdtui --filter=ip file disk.img allow=127.0.0.1,::1 deny=any
    nbdtui --filter=ip file disk.img --tls=require --tls-verify-peer allow=dn:CN=client,O=BigCo deny=any

A certificate is known when the client opens the export: who is refused by it may have asked which exports there are.
Who is behind a Unix socket (pid, uid, gid, security) is known on Linux alone. It does not know host names or addresses
with a scope, and a name must be given as RFC 4514 writes it, in full. An address can be forged where the network allows
it, and the number of a process is given to others after its end: neither is a password.`,
		Prompt: true,
		New:    func() block.Builder { return &ipBuilder{} },
	})
}

type ipBuilder struct{ allow, deny rules }

func (b *ipBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "allow", Kind: "RULES", Help: "who may come, whatever deny= says", Set: b.allow.add},
		{Name: "deny", Kind: "RULES", Help: "who may not come", Set: b.deny.add},
	}}
}

func (b *ipBuilder) Build(block.Host) (block.Layer, error) { return &ipLayer{b.allow, b.deny}, nil }

type ipLayer struct{ allow, deny rules }

// Admit drops a client that no rule lets in. One that may still show a certificate is judged by Open.
func (l *ipLayer) Admit(_ context.Context, p block.Peer) error {
	if l.allow.certificate {
		return nil
	}
	return l.judge(newCaller(p, nil))
}

func (l *ipLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	if o.Peer.Addr != nil { // a client, not the session's own look
		if err := l.judge(newCaller(o.Peer, o.TLS)); err != nil {
			return nil, err
		}
	}
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	return next, nil
}

func (l *ipLayer) judge(c caller) error {
	if l.allow.fit(c) || !l.deny.fit(c) {
		return nil
	}
	return fmt.Errorf("its address or certificate is not allowed: %w", syscall.EPERM)
}

func (l *ipLayer) Close() error { return nil }

// caller is a client as rules see it.
type caller struct {
	block.Peer
	ip              netip.Addr // not valid where the client did not come by TCP
	vsock           *vsock.Addr
	subject, issuer string // of a verified certificate; empty without one
}

func newCaller(p block.Peer, t *tls.ConnectionState) caller {
	c := caller{Peer: p}
	switch a := p.Addr.(type) {
	case *net.TCPAddr:
		c.ip = a.AddrPort().Addr().Unmap().WithZone("") // an IPv4 client of an IPv6 socket is one of IPv4
	case *vsock.Addr:
		c.vsock = a
	}
	if t != nil && len(t.VerifiedChains) > 0 { // package x509 has read the names already: they are no junk
		c.subject, _ = distinguishedName(t.PeerCertificates[0].RawSubject)
		c.issuer, _ = distinguishedName(t.PeerCertificates[0].RawIssuer)
	}
	return c
}

func (c caller) by(network string) bool { return c.Addr != nil && c.Addr.Network() == network }

// rule reports whether it fits a client.
type rule func(caller) bool

// rules are one parameter.
type rules struct {
	list        []rule
	certificate bool // one of them is of a certificate
}

func (r *rules) fit(c caller) bool {
	for _, fits := range r.list {
		if fits(c) {
			return true
		}
	}
	return false
}

// add takes a list of rules. It may be empty and may end with a comma; between two commas there must be a rule.
func (r *rules) add(value string) error {
	for value != "" {
		text, rest := cutRule(value)
		one, err := parseRule(text)
		if err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		_, isName := nameRule(text)
		r.list, r.certificate = append(r.list, one), r.certificate || isName
		value = rest
	}
	return nil
}

// cutRule takes the first rule off a list. A distinguished name goes on to the end, and a label's categories, as in
// s0:c57,c932, belong to it.
func cutRule(list string) (text, rest string) {
	if _, ok := nameRule(list); ok {
		return list, ""
	}
	text, rest, _ = strings.Cut(list, ",")
	for hasPrefix(text, "security:") {
		more, after, _ := strings.Cut(rest, ",")
		if !category.MatchString(more) {
			break
		}
		text, rest = text+","+more, after
	}
	return text, rest
}

var category = regexp.MustCompile(`^c\d+(\.c\d+)?$`)

func hasPrefix(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// nameRule tells rules of a certificate, and what they look at.
func nameRule(text string) (of func(caller) string, ok bool) {
	switch {
	case hasPrefix(text, "dn:"):
		return func(c caller) string { return c.subject }, true
	case hasPrefix(text, "issuer-dn:"):
		return func(c caller) string { return c.issuer }, true
	}
	return nil, false
}

func parseRule(text string) (rule, error) {
	if of, ok := nameRule(text); ok {
		_, name, _ := strings.Cut(text, ":")
		return parseText(name, of)
	}
	if hasPrefix(text, "security:") {
		return parseText(text[len("security:"):], func(c caller) string { return c.Label })
	}
	text = strings.ToLower(text)
	switch text {
	case "":
		return nil, errors.New("there is no rule between two commas")
	case "any", "all":
		return func(caller) bool { return true }, nil
	case "anyipv4", "allipv4":
		return func(c caller) bool { return c.ip.Is4() }, nil
	case "anyipv6", "allipv6":
		return func(c caller) bool { return c.ip.Is6() }, nil
	case "anyunix", "allunix":
		return func(c caller) bool { return c.by("unix") }, nil
	case "anyvsock", "allvsock":
		return func(c caller) bool { return c.by("vsock") }, nil
	}
	if kind, number, ok := strings.Cut(text, ":"); ok {
		switch kind {
		case "pid":
			return parseNumber(number, 1, caller.process)
		case "uid":
			return parseNumber(number, 0, caller.user)
		case "gid":
			return parseNumber(number, 0, caller.group)
		case "vsock-cid":
			return parseNumber(number, 0, caller.context)
		case "vsock-port":
			return parseNumber(number, 0, caller.port)
		}
	}
	return parseNetwork(text)
}

// parseText makes a rule of a text that must be given in full.
func parseText(text string, of func(caller) string) (rule, error) {
	if text == "" {
		return nil, errors.New("there is nothing behind the colon")
	}
	return func(c caller) bool { return of(c) == text }, nil
}

// parseNumber makes a rule of a number, which a client need not have.
func parseNumber(text string, least uint64, of func(caller) (n uint64, ok bool)) (rule, error) {
	var want uint64
	if err := param.Uint(&want, math.MaxUint32)(text); err != nil {
		return nil, err
	}
	if want < least {
		return nil, fmt.Errorf("out of range: at least %d", least)
	}
	return func(c caller) bool {
		n, ok := of(c)
		return ok && n == want
	}, nil
}

func (c caller) hasOwner() bool { return c.Known && c.by("unix") }

func (c caller) process() (uint64, bool) { return uint64(c.Pid), c.hasOwner() }
func (c caller) user() (uint64, bool)    { return uint64(c.Uid), c.hasOwner() }
func (c caller) group() (uint64, bool)   { return uint64(c.Gid), c.hasOwner() }

func (c caller) context() (uint64, bool) {
	if c.vsock == nil {
		return 0, false
	}
	return uint64(c.vsock.ContextID), true
}

func (c caller) port() (uint64, bool) {
	if c.vsock == nil {
		return 0, false
	}
	return uint64(c.vsock.Port), true
}

func parseNetwork(text string) (rule, error) {
	address, err := netip.ParseAddr(text)
	network := netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())
	if strings.Contains(text, "/") {
		network, err = netip.ParsePrefix(text)
	}
	if err != nil || address.Zone() != "" {
		return nil, param.WithHint(errors.New("not a rule"),
			"say any, anyipv4, anyipv6, anyunix, an address, a network like 192.0.2.0/24, or uid: and a number; nbdtui --help ip lists all")
	}
	return func(c caller) bool { return network.Contains(c.ip) }, nil
}
