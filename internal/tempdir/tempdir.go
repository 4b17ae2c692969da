// Package tempdir makes private directories that do not outlive their process for long: the owner of each holds a lock
// on it, and whoever makes the next one removes those that nobody holds any more.
package tempdir

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// prefix of the directories' names.
const prefix = "nbdtui."

// Dir is a directory, mode 0700, in the directory for temporary files.
type Dir struct {
	Path string
	f    *os.File // holds the lock
}

// Make makes an empty directory. Remove removes it.
func Make() (*Dir, error) {
	Sweep()
	for {
		path, err := os.MkdirTemp("", prefix)
		if err != nil {
			return nil, fmt.Errorf("make a temporary directory: %w", err)
		}
		f, ours := lock(path)
		if ours {
			return &Dir{path, f}, nil
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

// Remove removes the directory with all that is in it.
func (d *Dir) Remove() error {
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
