// Package unixsocket binds Unix sockets that are ours alone: never wider than mode 0600, never in the place of a file
// or of somebody's live socket, and gone when they are closed.
package unixsocket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"example.com/nbdtui/internal/param"
)

// MaxPath is the longest path of a socket, in bytes (sun_path of unix(7), less its final NUL).
const MaxPath = 107

// Check refuses a path that is too long to bind, before anything is done.
func Check(path string) error {
	if len(path) > MaxPath {
		return param.WithHint(fmt.Errorf("socket path %s is %d bytes long, and a Unix socket's may have %d", path, len(path), MaxPath),
			"use a shorter path, for example below /tmp")
	}
	return nil
}

// umask is of the whole process, so one bind at a time may change it.
var umask sync.Mutex

// Listen binds path with mode 0600. A dead socket there, one that refuses connections, is replaced; a live one and
// any other file are errors. Close of the listener removes the socket.
func Listen(path string) (*net.UnixListener, error) {
	if err := Check(path); err != nil {
		return nil, err
	}
	if err := clear(path); err != nil {
		return nil, err
	}
	umask.Lock()
	old := syscall.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	syscall.Umask(old)
	umask.Unlock()
	if err != nil {
		return nil, fmt.Errorf("bind socket %s: %w", path, cause(err))
	}
	return l, nil
}

// clear removes a dead socket, so that the path is free.
func clear(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bind socket %s: %w", path, cause(err))
	}
	if info.Mode().Type() != fs.ModeSocket {
		return param.WithHint(fmt.Errorf("bind socket %s: a file that is no socket is there", path),
			"name another path, or remove the file")
	}
	if !dead(path) {
		return param.WithHint(fmt.Errorf("bind socket %s: another process listens there", path),
			"name another path, or end the other process")
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove dead socket %s: %w", path, cause(err))
	}
	return nil
}

// dead reports whether nobody listens on the socket any more.
func dead(path string) bool {
	c, err := net.DialTimeout("unix", path, 5*time.Second)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// cause is the bare reason of an error whose place the caller names itself.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// prefix of the private directories' names.
const prefix = "nbdtui-"

const elsewhere = "set TMPDIR to another directory, such as /tmp"

// Private is a socket in a directory of its own, mode 0700, in the directory for temporary files.
type Private struct {
	*net.UnixListener
	Dir  string
	Path string
}

// ListenPrivate makes a directory and binds a socket in it. Close removes both.
func ListenPrivate() (*Private, error) {
	sweep()
	base, err := filepath.Abs(os.TempDir()) // for clients with another working directory than ours
	if err != nil {
		return nil, fmt.Errorf("make a private directory: %w", err)
	}
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("make a private directory: %w", err), elsewhere)
	}
	p := &Private{Dir: dir, Path: filepath.Join(dir, "socket")}
	if p.UnixListener, err = Listen(p.Path); err != nil {
		os.Remove(dir)
		return nil, param.WithHint(err, elsewhere)
	}
	return p, nil
}

// Close closes the socket and removes it with its directory.
func (p *Private) Close() error {
	err := p.UnixListener.Close()
	if removed := os.RemoveAll(p.Dir); err == nil {
		err = removed
	}
	return err
}

// sweep removes the private directories of processes that were killed outright: ours, with a dead socket that is not
// just being bound.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range dirs {
		path := filepath.Join(dir, "socket")
		info, err := os.Lstat(path)
		if err == nil && info.Mode().Type() == fs.ModeSocket && time.Since(info.ModTime()) > 10*time.Second &&
			info.Sys().(*syscall.Stat_t).Uid == uint32(os.Getuid()) && dead(path) {
			os.Remove(path)
			os.Remove(dir)
		}
	}
}
