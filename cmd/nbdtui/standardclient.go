package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// standardClient makes the client of -s out of standard input and output, in whose place /dev/null is then: what is
// printed by mistake must not get between the replies.
func standardClient() (net.Conn, error) {
	in, err := takeStandard(0)
	if err != nil {
		return nil, fmt.Errorf("take standard input: %w", err)
	}
	out, err := takeStandard(1)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("take standard output: %w", err)
	}
	if sameSocket(in, out) {
		defer in.Close()
		defer out.Close()
		return net.FileConn(in)
	}
	return &filePair{in, out}, nil
}

// takeStandard moves a descriptor to another number. Where the kind of file allows, it does not block, so that a
// deadline ends a Read.
func takeStandard(fd int) (*os.File, error) {
	moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	unix.SetNonblock(moved, true)
	f := os.NewFile(uintptr(moved), "client")
	if err := silence(fd); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// silence puts /dev/null in a descriptor's place.
func silence(fd int) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	return dup2(int(null.Fd()), fd)
}

func sameSocket(a, b *os.File) bool {
	i, err := a.Stat()
	if err != nil || i.Mode().Type() != os.ModeSocket {
		return false
	}
	j, err := b.Stat()
	return err == nil && os.SameFile(i, j)
}

// filePair is a connection of two files: pipes, as a rule.
type filePair struct{ in, out *os.File }

func (p *filePair) Read(b []byte) (int, error)         { return p.in.Read(b) }
func (p *filePair) Write(b []byte) (int, error)        { return p.out.Write(b) }
func (p *filePair) Close() error                       { return errors.Join(p.in.Close(), p.out.Close()) }
func (p *filePair) LocalAddr() net.Addr                { return standardAddr{} }
func (p *filePair) RemoteAddr() net.Addr               { return standardAddr{} }
func (p *filePair) SetReadDeadline(t time.Time) error  { return p.in.SetReadDeadline(t) }
func (p *filePair) SetWriteDeadline(t time.Time) error { return p.out.SetWriteDeadline(t) }
func (p *filePair) SetDeadline(t time.Time) error {
	return errors.Join(p.in.SetReadDeadline(t), p.out.SetWriteDeadline(t))
}

// standardAddr is what a client without an address is called.
type standardAddr struct{}

func (standardAddr) Network() string { return "pipe" }
func (standardAddr) String() string  { return "standard input" }
