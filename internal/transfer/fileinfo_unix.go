//go:build unix

package transfer

import (
	"io/fs"
	"os"
	"syscall"
)

// sameDevice reports whether two names are of one block device.
func sameDevice(a, b fs.FileInfo) bool {
	s, ok := a.Sys().(*syscall.Stat_t)
	t, also := b.Sys().(*syscall.Stat_t)
	return ok && also && isBlockDevice(a.Mode()) && isBlockDevice(b.Mode()) && s.Rdev == t.Rdev
}

// keepOwner gives f the mode of the file that it will replace, and its owner where that is allowed.
func keepOwner(f *os.File, old fs.FileInfo) error {
	if s, ok := old.Sys().(*syscall.Stat_t); ok {
		f.Chown(int(s.Uid), int(s.Gid)) // only root may; others keep their own
	}
	return f.Chmod(old.Mode().Perm())
}
