package filters

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"syscall"

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

    nbdtui --filter=ip file disk.img allow=127.0.0.1,::1 deny=any

It does not know host names, host addresses with a scope, security labels or vsock numbers, and does not look at TLS
certificates. An address can be forged where the network allows it: it is not a password.`,
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

// Admit drops a client that no rule lets in.
func (l *ipLayer) Admit(_ context.Context, p block.Peer) error {
	c := newCaller(p)
	if l.allow.fit(c) || !l.deny.fit(c) {
		return nil
	}
	return fmt.Errorf("its address is not allowed: %w", syscall.EPERM)
}

func (l *ipLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	return next, nil
}

func (l *ipLayer) Close() error { return nil }

// caller is a client as rules see it.
type caller struct {
	block.Peer
	ip netip.Addr // not valid where the client did not come by TCP
}

func newCaller(p block.Peer) caller {
	c := caller{Peer: p}
	if tcp, ok := p.Addr.(*net.TCPAddr); ok {
		c.ip = tcp.AddrPort().Addr().Unmap().WithZone("") // an IPv4 client of an IPv6 socket is one of IPv4
	}
	return c
}

func (c caller) by(network string) bool { return c.Addr != nil && c.Addr.Network() == network }

// rule reports whether it fits a client.
type rule func(caller) bool

type rules []rule

func (r rules) fit(c caller) bool {
	for _, fits := range r {
		if fits(c) {
			return true
		}
	}
	return false
}

// add takes a list of rules. It may be empty and may end with a comma; between two commas there must be a rule.
func (r *rules) add(value string) error {
	value = strings.TrimSuffix(value, ",")
	if value == "" {
		return nil
	}
	for text := range strings.SplitSeq(value, ",") {
		one, err := parseRule(strings.ToLower(text))
		if err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		*r = append(*r, one)
	}
	return nil
}

func parseRule(text string) (rule, error) {
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
			return parseOwner(number, 1, func(p block.Peer) int { return p.Pid })
		case "uid":
			return parseOwner(number, 0, func(p block.Peer) int { return p.Uid })
		case "gid":
			return parseOwner(number, 0, func(p block.Peer) int { return p.Gid })
		}
	}
	return parseNetwork(text)
}

// parseOwner makes a rule of a number that the kernel knows of a Unix socket's client.
func parseOwner(text string, least uint64, of func(block.Peer) int) (rule, error) {
	var n uint64
	if err := param.Uint(&n, math.MaxUint32)(text); err != nil {
		return nil, err
	}
	if n < least {
		return nil, fmt.Errorf("out of range: at least %d", least)
	}
	return func(c caller) bool { return c.Known && c.by("unix") && of(c.Peer) == int(n) }, nil
}

func parseNetwork(text string) (rule, error) {
	address, err := netip.ParseAddr(text)
	network := netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())
	if strings.Contains(text, "/") {
		network, err = netip.ParsePrefix(text)
	}
	if err != nil || address.Zone() != "" {
		return nil, param.WithHint(errors.New("not a rule"),
			"say any, anyipv4, anyipv6, anyunix, an address, a network like 192.0.2.0/24, or pid:, uid: or gid: and a number")
	}
	return func(c caller) bool { return network.Contains(c.ip) }, nil
}
