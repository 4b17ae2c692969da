package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"example.com/nbdtui/internal/nbd/client"
	"example.com/nbdtui/internal/param"
)

// Options are what a copy is of.
type Options struct {
	Source      string // an NBD URI, a path, or "-" for Stdin
	Destination string // an NBD URI, a path, "-" for Stdout, or "null:" for nowhere
	Stdin       *os.File
	Stdout      *os.File
}

const (
	stream  = "-"
	nowhere = "null:"
)

// New opens both sides and checks that they fit; nothing is written before Run. ctx bounds the opening.
func New(ctx context.Context, o Options) (*Copy, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	from, err := o.openSource(ctx)
	if err != nil {
		return nil, err
	}
	to, err := o.openDestination(ctx, from)
	if err != nil {
		from.close()
		return nil, err
	}
	both, ok := from.limits().with(to.limits())
	if !ok {
		err := fmt.Errorf("%s and %s have no size of a request in common", from.name(), to.name())
		return nil, errors.Join(err, to.close(), from.close())
	}
	from.cut(both)
	return &Copy{from: from, to: to}, nil
}

// check refuses what is wrong whatever stands behind the names.
func (o *Options) check() error {
	switch {
	case o.Source == nowhere:
		return param.WithHint(errors.New("null: cannot be a source"), "it is a destination that discards what it gets")
	case o.Source == "" || o.Destination == "":
		return errors.New("a side is empty: say a URI, a file, null: or -")
	case client.IsURI(o.Source) && client.IsURI(o.Destination):
		from, err := client.ParseURI(o.Source)
		if err != nil {
			return err
		}
		to, err := client.ParseURI(o.Destination)
		if err == nil && from.Same(to) {
			err = errSame
		}
		return err
	case client.IsURI(o.Source) || client.IsURI(o.Destination):
		return nil
	}
	from, err := o.stat(o.Source, o.Stdin)
	if err != nil {
		return err
	}
	to, err := o.stat(o.Destination, o.Stdout)
	if err == nil && same(from, to) {
		err = errSame
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

var errSame = errors.New("the destination is the source")

// stat is what stands behind a side that is no URI; nil for null:.
func (o *Options) stat(side string, stdio *os.File) (fs.FileInfo, error) {
	switch side {
	case stream:
		return stdio.Stat()
	case nowhere:
		return nil, nil
	}
	info, err := os.Stat(side)
	if strings.Contains(side, "://") && errors.Is(err, fs.ErrNotExist) {
		return nil, param.WithHint(fmt.Errorf("open %s: no such file", side), "a URI begins with nbd:, nbds:, nbd+unix: or nbds+unix:")
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", side, cause(err))
	}
	return info, nil
}

// same reports whether both are one regular file or one block device, by whatever name.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return false
	}
	isDisk := func(i fs.FileInfo) bool { return i.Mode().IsRegular() || isBlockDevice(i.Mode()) }
	return isDisk(a) && isDisk(b) && (os.SameFile(a, b) || sameDevice(a, b))
}

func isBlockDevice(m fs.FileMode) bool { return m.Type() == fs.ModeDevice }

// isStream reports what has no offsets: a pipe, a socket, a terminal.
func isStream(m fs.FileMode) bool { return m&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) != 0 }

func (o *Options) openSource(ctx context.Context) (source, error) {
	switch {
	case client.IsURI(o.Source):
		return dialSource(ctx, o.Source)
	case o.Source == stream:
		return &streamSource{f: o.Stdin, label: "standard input"}, nil
	}
	info, err := os.Stat(o.Source)
	if err == nil && isStream(info.Mode()) {
		f, err := os.Open(o.Source)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", o.Source, cause(err))
		}
		return &streamSource{f: f, label: o.Source, owned: true}, nil
	}
	return openDisk(o.Source)
}

func (o *Options) openDestination(ctx context.Context, from source) (destination, error) {
	switch {
	case client.IsURI(o.Destination):
		return dialDestination(ctx, o.Destination, from)
	case o.Destination == nowhere:
		return null{}, nil
	case o.Destination == stream:
		return newStreamDestination(o.Stdout, "standard output", false), nil
	}
	info, err := os.Stat(o.Destination)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return createFile(o.Destination, nil)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", o.Destination, cause(err))
	case info.IsDir():
		return nil, param.WithHint(fmt.Errorf("%s is a directory", o.Destination), "name a file in it")
	case isBlockDevice(info.Mode()):
		return openDevice(o.Destination, from)
	case isStream(info.Mode()):
		f, err := os.OpenFile(o.Destination, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", o.Destination, cause(err))
		}
		return newStreamDestination(f, o.Destination, true), nil
	}
	return createFile(o.Destination, info)
}

// fits refuses a destination of a fixed size that the source does not fit into, or not evenly.
func fits(from source, to destination, size uint64) error {
	n, known := from.size()
	block := to.limits().align
	switch {
	case known && n > size:
		return param.WithHint(fmt.Errorf("%s is too small: it has %d bytes, and %s has %d", to.name(), size, from.name(), n),
			"nothing was written")
	case known && n%block != 0:
		return fmt.Errorf("%s is written in blocks of %d bytes, and the %d bytes of %s are no multiple of that",
			to.name(), block, n, from.name())
	}
	return nil
}

// cause is the bare reason of an error, where the caller gives verb, object and offset.
func cause(err error) error {
	if e := (*client.Error)(nil); errors.As(err, &e) {
		return &reason{e}
	}
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// reason is a failed request without what was asked for.
type reason struct{ e *client.Error }

func (r *reason) Error() string { return r.e.Reason() }
func (r *reason) Unwrap() error { return r.e.Err }
