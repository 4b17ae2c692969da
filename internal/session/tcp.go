package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"example.com/nbdtui/internal/param"
)

// bindTCP binds every interface, or every address that the host has.
func (l Listen) bindTCP(export string) ([]*listener, error) {
	addresses, err := l.addresses()
	if err != nil {
		return nil, err
	}
	port := l.Port
	if port == "" {
		port = defaultPort
	}
	return bindEach(addresses, port, export)
}

// bindEach binds all the addresses with one port. One that this machine has not, as IPv6 where that is turned off, is
// passed over if there is another.
func bindEach(addresses []address, port, export string) (list []*listener, err error) {
	var missing error
	for _, a := range addresses {
		t, err := net.Listen(a.network, net.JoinHostPort(a.host, port))
		if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			missing = err
			continue
		}
		if err != nil {
			closeAll(list)
			return nil, refusedTCP(port, err)
		}
		bound := t.Addr().(*net.TCPAddr)
		port = fmt.Sprint(bound.Port) // where any would do, this one for all
		list = append(list, &listener{Listener: t, vars: variables(bound, export), name: bound.String()})
	}
	if len(list) == 0 {
		return nil, refusedTCP(port, missing)
	}
	return list, nil
}

func refusedTCP(port string, err error) error {
	hint := "the host must be an address of this machine, the port a number up to 65535 or a service's name"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "choose another port with -p, or a Unix socket with -U"
	case errors.Is(err, syscall.EACCES):
		hint = "a port below 1024 is for root: choose another with -p"
	}
	return param.WithHint(fmt.Errorf("listen on TCP port %s: %w", port, reason(err)), hint)
}

type address struct{ network, host string }

// addresses are the host's. Where there is none it is one for every interface, of both families where the machine has
// both.
func (l Listen) addresses() ([]address, error) {
	family := l.Network
	if family == "" {
		family = "tcp"
	}
	if l.Host == "" {
		return []address{{family, ""}}, nil
	}
	found, err := net.DefaultResolver.LookupIPAddr(context.Background(), l.Host)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("listen on %s: %w", l.Host, err), "say a name or an address of this machine")
	}
	list := ofFamily(family, found)
	if len(list) == 0 {
		return nil, param.WithHint(fmt.Errorf("listen on %s: it has no IPv%s address", l.Host, family[3:]),
			"leave -4 or -6 out, or say another name or address")
	}
	return list, nil
}

// ofFamily are the addresses of a family, each once.
func ofFamily(family string, found []net.IPAddr) (list []address) {
	for _, ip := range found {
		a := address{"tcp6", ip.String()}
		if ip.IP.To4() != nil {
			a.network = "tcp4"
		}
		if (family == "tcp" || family == a.network) && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

func closeAll(list []*listener) {
	for _, l := range list {
		l.Close()
	}
}
