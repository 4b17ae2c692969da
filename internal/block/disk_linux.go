package block

import (
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// run makes one call of the ladder.
func (d *Disk) run(s step, off, n int64) error {
	const (
		blkDiscard = 0x1277 // linux/fs.h
		blkZeroOut = 0x127f
	)
	fd := int(d.f.Fd())
	return retry(func() error {
		switch s {
		case punchHole:
			return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		case zeroRange:
			return unix.Fallocate(fd, unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		case allocate:
			return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, off, n)
		case zeroOut:
			return ioctlRange(fd, blkZeroOut, off, n)
		default: // discard
			return ioctlRange(fd, blkDiscard, off, n)
		}
	})
}

func ioctlRange(fd int, request uintptr, off, n int64) error {
	r := [2]uint64{uint64(off), uint64(n)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&r)))
	if errno != 0 {
		return errno
	}
	return nil
}

// retry repeats a call that a signal interrupted; Go's own scheduler sends some.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// syncData waits until the file's data, and what is needed to find it, is on stable storage.
func syncData(f *os.File) error {
	return retry(func() error { return unix.Fdatasync(int(f.Fd())) })
}

// sector is a block device's logical block size, in bytes.
func (d *Disk) sector() (uint64, error) {
	n, err := unix.IoctlGetInt(int(d.f.Fd()), unix.BLKSSZGET)
	if err != nil {
		return 0, &os.PathError{Op: "find the sector size of", Path: d.f.Name(), Err: err}
	}
	return uint64(n), nil
}

// fileSize is how long a file is; os.File's Stat would take memory.
func fileSize(f *os.File) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return 0, &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return uint64(s.Size), nil
}

// hasHoles reports whether the file has fewer blocks than bytes.
func hasHoles(f *os.File) bool {
	var s unix.Stat_t
	return unix.Fstat(int(f.Fd()), &s) == nil && s.Blocks*512 < s.Size
}

// seekPiece says what stands at off, and where it ends at the earliest.
func seekPiece(f *os.File, off int64) (end int64, data bool, err error) {
	fd := int(f.Fd())
	for {
		start, err := unix.Seek(fd, off, unix.SEEK_DATA)
		switch {
		case err == unix.ENXIO: // no data from here on
			return math.MaxInt64, false, nil
		case err == unix.EINVAL: // this file system knows nothing of holes
			return 0, false, unix.EOPNOTSUPP
		case err != nil:
			return 0, false, err
		case start > off:
			return start, false, nil
		}
		end, err := unix.Seek(fd, off, unix.SEEK_HOLE)
		if err != nil && err != unix.ENXIO {
			return 0, false, err
		}
		if err == nil && end > off {
			return end, true, nil
		} // else the file has changed between the two calls: look again
	}
}

// willNeed starts to read a range into the page cache.
func willNeed(f *os.File, off, n int64) error {
	return unix.Fadvise(int(f.Fd()), off, n, unix.FADV_WILLNEED)
}

// readCached reads what the page cache holds, and never waits for the disk.
func readCached(f *os.File, b []byte, off int64) (int, error) {
	return unix.Preadv2(int(f.Fd()), [][]byte{b}, off, unix.RWF_NOWAIT)
}

// cachedPages is how many pages of a range the page cache holds (cachestat(2), since Linux 6.5).
func cachedPages(f *os.File, off, n uint64) (uint64, error) {
	const cachestat = 451 // on every architecture that Go knows
	span := struct{ off, n uint64 }{off, n}
	var stat struct{ cached, dirty, writeback, evicted, recentlyEvicted uint64 }
	_, _, errno := unix.Syscall6(cachestat, f.Fd(), uintptr(unsafe.Pointer(&span)), uintptr(unsafe.Pointer(&stat)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return stat.cached, nil
}

// give tells the kernel; whether it listens is its own affair.
func (a Advice) give(f *os.File) {
	unix.Fadvise(int(f.Fd()), 0, 0, [...]int{unix.FADV_NORMAL, unix.FADV_RANDOM, unix.FADV_SEQUENTIAL}[a])
}

// evict drops what is clean of a range from the page cache.
func evict(f *os.File, off, n int64) { unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED) }

func startWrite(f *os.File, w window) error {
	return retry(func() error {
		return unix.SyncFileRange(int(f.Fd()), w.off, w.n, unix.SYNC_FILE_RANGE_WRITE)
	})
}

func waitWrite(f *os.File, w window) error {
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	return retry(func() error { return unix.SyncFileRange(int(f.Fd()), w.off, w.n, all) })
}
