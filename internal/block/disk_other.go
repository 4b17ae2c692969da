//go:build !linux

package block

import (
	"os"
	"syscall"
)

// Here a Disk reads, writes and flushes. Holes are neither found nor made, zeroes are written, nothing is read ahead,
// every read may wait, and the page cache keeps what it likes.

func (d *Disk) run(step, int64, int64) error { return syscall.ENOTSUP }

func (d *Disk) sector() (uint64, error) { return 1, nil }

func syncData(f *os.File) error { return f.Sync() }

func fileSize(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), nil
}

func hasHoles(*os.File) bool { return false }

func seekPiece(*os.File, int64) (int64, bool, error) { return 0, false, syscall.ENOTSUP }

func willNeed(*os.File, int64, int64) error { return nil }

func readCached(*os.File, []byte, int64) (int, error) { return 0, syscall.ENOTSUP }

func cachedPages(*os.File, uint64, uint64) (uint64, error) { return 0, syscall.ENOTSUP }

func (a Advice) give(*os.File) {}

func evict(*os.File, int64, int64) {}

func startWrite(*os.File, window) error { return nil }

func waitWrite(*os.File, window) error { return nil }
