package session

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/mdlayher/vsock"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/unixsocket"
)

// Listen says where clients come in. The zero value is TCP on every interface, port 10809.
type Listen struct {
	Client  net.Conn // serve this one client, and end with it; nothing else counts. The session closes it
	Sockets []Socket // bound already; what follows does not count. The session closes them
	// Handed are the sockets that follow, bound by another process of the program, for the session to close and remove.
	Handed []net.Listener

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
	name string // its address, or what the service manager calls it; empty for a path
}

// String is where it listens, for people.
func (l *listener) String() string {
	if l.name == "" {
		return l.vars.URI
	}
	return fmt.Sprintf("%s (%s)", l.vars.URI, l.name)
}

// open binds the sockets; export is what their URIs name.
func (l Listen) open(export string) (list []*listener, err error) {
	if l.Client != nil {
		return nil, nil
	}
	if l.Sockets != nil {
		return activated(l.Sockets, export), nil
	}
	if l.Handed != nil {
		return l.handedOver(export), nil
	}
	err = labelled(l.Label, func() error {
		list, err = l.bind(export)
		return err
	})
	return list, err
}

// abandon closes what was given from outside and is not served.
func (l Listen) abandon() {
	if l.Client != nil {
		l.Client.Close()
	}
	for _, s := range l.Sockets {
		s.Close()
	}
	for _, h := range l.Handed {
		h.Close()
	}
}

func (l Listen) bind(export string) ([]*listener, error) {
	switch {
	case l.Private:
		p, err := unixsocket.ListenPrivate()
		if err != nil {
			return nil, err
		}
		return []*listener{{Listener: p, vars: captive.UnixVariables(p.Path, export), dir: p.Dir}}, nil
	case l.Unix != "":
		path, err := filepath.Abs(l.Unix)
		if err != nil {
			return nil, fmt.Errorf("find socket %s: %w", l.Unix, err)
		}
		u, err := unixsocket.Listen(path)
		if err != nil {
			return nil, err
		}
		return []*listener{{Listener: u, vars: captive.UnixVariables(path, export)}}, nil
	case l.Vsock:
		return l.bindVsock(export)
	}
	return l.bindTCP(export)
}

// variables are those of a bound socket.
func variables(bound net.Addr, export string) captive.Variables {
	switch a := bound.(type) {
	case *net.UnixAddr:
		return captive.UnixVariables(a.Name, export)
	case *vsock.Addr:
		return captive.VsockVariables(a.Port, export)
	}
	host, port, _ := net.SplitHostPort(bound.String())
	switch host {
	case "0.0.0.0", "::", "127.0.0.1", "::1":
		host = "localhost"
	}
	return captive.TCPVariables(host, port, export)
}

// reason is why a socket could not be bound, without the address, which the caller names.
func reason(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}
