package session

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"example.com/nbdtui/internal/unixsocket"
)

// Bound are sockets that this process has bound for another one of the program to serve. If that one takes them over,
// they are its own to remove; else Close does.
type Bound struct{ list []*listener }

// Bind binds the sockets and serves nobody.
func (l Listen) Bind() (*Bound, error) {
	list, err := l.open("")
	return &Bound{list}, err
}

// Files are the sockets, in the order in which Handed has them. The caller closes the files, which closes no socket.
func (b *Bound) Files() (files []*os.File, err error) {
	for _, l := range b.list {
		f, err := l.Listener.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			closeFiles(files)
			return nil, fmt.Errorf("hand %v over: %w", l, err)
		}
		files = append(files, f)
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// Close closes and removes them.
func (b *Bound) Close() { closeAll(b.list) }

// Inherited takes n listening sockets that the process was started with, from a descriptor on.
func Inherited(first, n int) (list []net.Listener, err error) {
	for i := range n {
		l, err := inherit(first + i)
		if err != nil {
			for _, l := range list {
				l.Close()
			}
			return nil, fmt.Errorf("take descriptor %d over: %w", first+i, err)
		}
		list = append(list, l)
	}
	return list, nil
}

// handedOver are the listeners of the sockets that another process of the program has bound, and that are ours now.
func (l Listen) handedOver(export string) (list []*listener) {
	for _, h := range l.Handed {
		one := &listener{Listener: h, vars: variables(h.Addr(), export)}
		switch h := h.(type) {
		case *net.UnixListener:
			h.SetUnlinkOnClose(true)
			if l.Private {
				one.dir = filepath.Dir(h.Addr().String())
				one.Listener = &unixsocket.Private{UnixListener: h, Dir: one.dir, Path: h.Addr().String()}
			}
		case *net.TCPListener:
			one.name = h.Addr().String()
		}
		list = append(list, one)
	}
	return list
}
