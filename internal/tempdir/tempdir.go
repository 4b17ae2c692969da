// Package tempdir makes private directories that do not outlive their process for long: the owner of each holds a lock
// on it, and whoever makes the next one removes those that nobody holds any more.
package tempdir

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/param"
)

// prefix of the directories' names.
const prefix = "nbdtui."

// Dir is a directory, mode 0700, in the directory for temporary files.
type Dir struct {
	Path string
	f    *os.File // holds the lock
}

// held are the directories of this process.
var held struct {
	sync.Mutex
	dirs map[*Dir]struct{}
}

// Make makes an empty directory. Remove removes it.
func Make() (*Dir, error) {
	Sweep()
	base, err := filepath.Abs(os.TempDir()) // for programs with another working directory than ours
	if err != nil {
		return nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	for {
		path, err := os.MkdirTemp(base, prefix)
		if err != nil {
			return nil, param.WithHint(fmt.Errorf("make a temporary directory: %w", err), "set TMPDIR to another directory, such as /tmp")
		}
		f, ours := lock(path)
		if ours {
			d := &Dir{path, f}
			d.hold(true)
			return d, nil
		}
		// Somebody swept between the two calls, and takes it for an old one.
	}
}

// lock takes the directory, and reports whether it is still there and ours then. On false nothing is open.
func lock(path string) (f *os.File, ours bool) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		held, err := f.Stat()
		there, gone := os.Lstat(path)
		if err == nil && gone == nil && os.SameFile(held, there) {
			return f, true
		}
	}
	f.Close()
	return nil, false
}

func (d *Dir) hold(yes bool) {
	held.Lock()
	defer held.Unlock()
	if !yes {
		delete(held.dirs, d)
		return
	}
	if held.dirs == nil {
		held.dirs = map[*Dir]struct{}{}
	}
	held.dirs[d] = struct{}{}
}

// Give makes this process's directories, and what is in them, another user's and group's; -1 is no change. A process
// that becomes that user can then use and remove them.
func Give(uid, gid int) error {
	held.Lock()
	defer held.Unlock()
	for d := range held.dirs {
		err := filepath.WalkDir(d.Path, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Remove removes the directory with all that is in it.
func (d *Dir) Remove() error {
	d.hold(false)
	defer d.f.Close()
	return os.RemoveAll(d.Path)
}

// Sweep removes the directories of processes that were killed outright.
func Sweep() {
	paths, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Getuid()) {
			continue
		}
		if f, ours := lock(path); ours {
			(&Dir{path, f}).Remove()
		}
	}
}
