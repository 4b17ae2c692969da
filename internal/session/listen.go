package session

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/mdlayher/vsock"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/unixsocket"
)

// Listen says where clients come in. The zero value is TCP on every interface, port 10809.
type Listen struct {
	Client  net.Conn // serve this one client, and end with it; nothing else counts. The session closes it
	Sockets []Socket // bound already; what follows does not count. The session closes them

	Unix    string // a path; empty for TCP
	Private bool   // a Unix socket in a directory of its own
	Vsock   bool   // a vsock, on every context id
	Host    string // TCP: a name or address; empty for every interface
	Port    string // TCP: a number or a service; vsock: a number; empty for 10809, "0" for a free one
	Network string // TCP: "tcp", "tcp4" or "tcp6"; empty for "tcp"
	Label   string // what SELinux shall call the socket; empty for its own choice
}

// defaultPort is the protocol's, assigned by IANA.
const defaultPort = "10809"

// listener is a bound socket and how the captive finds it.
type listener struct {
	net.Listener
	vars captive.Variables
	dir  string // of a private socket
	name string // of one from the service manager
}

// String is where it listens, for people.
func (l *listener) String() string {
	if l.name == "" {
		return l.vars.URI
	}
	return fmt.Sprintf("%s (%s)", l.vars.URI, l.name)
}

// open binds the sockets; export is what their URIs name.
func (l Listen) open(export string) ([]*listener, error) {
	if l.Client != nil {
		return nil, nil
	}
	if l.Sockets != nil {
		return activated(l.Sockets, export), nil
	}
	var one *listener
	err := labelled(l.Label, func() (err error) {
		one, err = l.bind(export)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []*listener{one}, nil
}

// abandon closes what was given from outside and is not served.
func (l Listen) abandon() {
	if l.Client != nil {
		l.Client.Close()
	}
	for _, s := range l.Sockets {
		s.Close()
	}
}

func (l Listen) bind(export string) (*listener, error) {
	switch {
	case l.Private:
		p, err := unixsocket.ListenPrivate()
		if err != nil {
			return nil, err
		}
		return &listener{Listener: p, vars: captive.UnixVariables(p.Path, export), dir: p.Dir}, nil
	case l.Unix != "":
		path, err := filepath.Abs(l.Unix)
		if err != nil {
			return nil, fmt.Errorf("find socket %s: %w", l.Unix, err)
		}
		u, err := unixsocket.Listen(path)
		if err != nil {
			return nil, err
		}
		return &listener{Listener: u, vars: captive.UnixVariables(path, export)}, nil
	case l.Vsock:
		return l.bindVsock(export)
	}
	return l.bindTCP(export)
}

func (l Listen) bindTCP(export string) (*listener, error) {
	network, port := l.Network, l.Port
	if network == "" {
		network = "tcp"
	}
	if port == "" {
		port = defaultPort
	}
	t, err := net.Listen(network, net.JoinHostPort(l.Host, port))
	if err != nil {
		hint := "the host must be an address of this machine, the port a number up to 65535 or a service's name"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "choose another port with -p, or a Unix socket with -U"
		}
		return nil, param.WithHint(fmt.Errorf("listen on TCP port %s: %w", port, reason(err)), hint)
	}
	return &listener{Listener: t, vars: variables(t.Addr(), export)}, nil
}

// anyContext is VMADDR_CID_ANY: whichever context id this machine has or gets (vsock(7)).
const anyContext = 1<<32 - 1

func (l Listen) bindVsock(export string) (*listener, error) {
	text := l.Port
	if text == "" {
		text = defaultPort
	}
	port, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("listen on vsock port %s: not a port", text), "a vsock port is a number below 2^32")
	}
	v, err := vsock.ListenContextID(anyContext, uint32(port), nil)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("listen on vsock port %s: %w", text, reason(err)),
			"Linux has vsock with its module vsock; another port may be free")
	}
	return &listener{Listener: v, vars: variables(v.Addr(), export)}, nil
}

// variables are those of a bound socket.
func variables(bound net.Addr, export string) captive.Variables {
	switch a := bound.(type) {
	case *net.UnixAddr:
		return captive.UnixVariables(a.Name, export)
	case *vsock.Addr:
		return captive.VsockVariables(a.Port, export)
	}
	_, port, _ := net.SplitHostPort(bound.String())
	return captive.TCPVariables(port, export)
}

// reason is why a socket could not be bound, without the address, which the caller names.
func reason(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}
