package transfer

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"example.com/nbdtui/internal/param"
)

// newFile writes a regular file. Until all is on stable storage it has another name beside its own, so that nobody
// takes a part for the whole; a file that had the name is replaced then, and stays as it was if the copy fails.
type newFile struct {
	f     *os.File
	label string // as the user gave it
	path  string // the name that it will have
	whole bool   // it has it
}

// createFile begins the file; old is what has the name now, or nil.
func createFile(label string, old fs.FileInfo) (destination, error) {
	path := label
	if old != nil {
		// A link stays a link, and a file that may not be written is not replaced either.
		var err error
		if path, err = filepath.EvalSymlinks(label); err == nil {
			err = writable(path)
		}
		if err != nil {
			return nil, fmt.Errorf("overwrite %s: %w", label, cause(err))
		}
	}
	// Made without CreateTemp, whose mode is not the umask's.
	partial := filepath.Join(filepath.Dir(path), ".nbdtui-"+rand.Text()[:12]+".partial")
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("create a file beside %s: %w", label, cause(err)),
			"the copy has a name of its own until it is whole")
	}
	n := &newFile{f: f, label: label, path: path}
	if old != nil {
		if err := keepOwner(f, old); err != nil {
			n.close()
			return nil, fmt.Errorf("give the new %s the mode of the old one: %w", label, cause(err))
		}
	}
	return n, nil
}

func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

func (n *newFile) name() string   { return n.label }
func (n *newFile) limits() limits { return free }

func (n *newFile) write(_ context.Context, p *piece) error {
	_, err := n.f.WriteAt(p.bytes(), int64(p.off))
	return err
}

// zero has nothing to do: what is not written of a new file is a hole.
func (n *newFile) zero(context.Context, *piece) error { return nil }

func (n *newFile) finish(ctx context.Context, size uint64) error {
	if err := n.f.Truncate(int64(size)); err != nil {
		return about("set the size of", n.label, err)
	}
	if err := n.f.Sync(); err != nil {
		return about("flush", n.label, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Rename(n.f.Name(), n.path); err != nil {
		return fmt.Errorf("rename the finished copy to %s: %w", n.label, err.(*os.LinkError).Err)
	}
	n.whole = true
	dir, err := os.Open(filepath.Dir(n.path))
	if err != nil {
		return nil // it may be written to, but not read: the name is flushed later, by the system
	}
	defer dir.Close()
	return about("flush the directory of", n.label, dir.Sync())
}

func (n *newFile) close() error {
	err := n.f.Close()
	if !n.whole {
		return os.Remove(n.f.Name())
	}
	return err
}

// about is err with what was being done, or nil.
func about(verb, object string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, object, cause(err))
}
