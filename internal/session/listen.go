package session

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"syscall"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/unixsocket"
)

// Listen says where clients come in. The zero value is TCP on every interface, port 10809.
type Listen struct {
	Unix    string // a path; empty for TCP
	Private bool   // a Unix socket in a directory of its own
	Host    string // TCP: a name or address; empty for every interface
	Port    string // TCP: a number or a service; empty for 10809, "0" for a free one
	Network string // TCP: "tcp", "tcp4" or "tcp6"; empty for "tcp"
}

// defaultPort is the protocol's, assigned by IANA.
const defaultPort = "10809"

// listener is a bound socket and how the captive finds it.
type listener struct {
	net.Listener
	vars captive.Variables
	dir  string // of a private socket
}

// open binds the socket; export is what the URI names.
func (l Listen) open(export string) (*listener, error) {
	switch {
	case l.Private:
		p, err := unixsocket.ListenPrivate()
		if err != nil {
			return nil, err
		}
		return &listener{p, captive.UnixVariables(p.Path, export), p.Dir}, nil
	case l.Unix != "":
		path, err := filepath.Abs(l.Unix)
		if err != nil {
			return nil, fmt.Errorf("find socket %s: %w", l.Unix, err)
		}
		u, err := unixsocket.Listen(path)
		if err != nil {
			return nil, err
		}
		return &listener{u, captive.UnixVariables(path, export), ""}, nil
	}
	return l.openTCP(export)
}

func (l Listen) openTCP(export string) (*listener, error) {
	network, port := l.Network, l.Port
	if network == "" {
		network = "tcp"
	}
	if port == "" {
		port = defaultPort
	}
	t, err := net.Listen(network, net.JoinHostPort(l.Host, port))
	if err != nil {
		reason := error(err)
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			reason = op.Err
		}
		hint := "the host must be an address of this machine, the port a number up to 65535 or a service's name"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "choose another port with -p, or a Unix socket with -U"
		}
		return nil, param.WithHint(fmt.Errorf("listen on TCP port %s: %w", port, reason), hint)
	}
	bound := strconv.Itoa(t.Addr().(*net.TCPAddr).Port)
	return &listener{t, captive.TCPVariables(bound, export), ""}, nil
}
