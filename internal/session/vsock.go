package session

import (
	"fmt"
	"os"
	"strconv"

	"github.com/mdlayher/vsock"
	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/param"
)

// bindVsock binds a port of every context id.
func (l Listen) bindVsock(export string) ([]*listener, error) {
	text := l.Port
	if text == "" {
		text = defaultPort
	}
	port, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("listen on vsock port %s: not a port", text), "a vsock port is a number below 2^32")
	}
	v, err := listenVsock(uint32(port))
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("listen on vsock port %s: %w", text, reason(err)),
			"Linux has vsock with its module vsock; another port may be free")
	}
	return []*listener{{Listener: v, vars: captive.VsockVariables(v.Addr().(*vsock.Addr).Port, export)}}, nil
}

// vsockListener has a File, as those of package net have.
type vsockListener struct {
	*vsock.Listener
	file *os.File
}

func listenVsock(port uint32) (*vsockListener, error) {
	f, err := vsockFile(port)
	if err != nil {
		return nil, err
	}
	v, err := vsock.FileListener(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &vsockListener{v, f}, nil
}

func (l *vsockListener) File() (*os.File, error) {
	fd, err := unix.FcntlInt(l.file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "vsock"), nil
}

func (l *vsockListener) Close() error {
	l.file.Close()
	return l.Listener.Close()
}
