package block

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

// Disk is an open regular file or block device as a Device, with all that its platform can do. It may be shared by
// several clients; who opened it closes it, after the last request.
type Disk struct {
	f     *os.File
	opt   DiskOptions
	dev   bool // a block device
	lacks [steps]atomic.Bool
	pace  pace // of writes

	asked  atomic.Uint64 // tickets of Sync
	mu     sync.Mutex    // held while syncing
	synced uint64        // the newest ticket that a sync has covered
	failed error         // of the first sync that failed, for good: an ErrLost
	behind [8]window     // writes that are on their way out, for Evict; a circle
	oldest int           // of behind
}

// DiskOptions say how a Disk is used.
type DiskOptions struct {
	ReadOnly bool
	Advice   Advice // to the kernel, on how it will be read
	Evict    bool   // what was read or written does not stay in the page cache
}

// Advice is how a file will be read.
type Advice uint8

const (
	Normal Advice = iota
	Random
	Sequential
)

// NewDisk makes a Disk of f, which is open for reading, and for writing unless o says ReadOnly. Close closes f.
func NewDisk(f *os.File, o DiskOptions) (*Disk, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", f.Name(), cause(err))
	}
	if err := CheckDisk(f.Name(), info); err != nil {
		return nil, err
	}
	o.Advice.give(f)
	return &Disk{f: f, opt: o, dev: info.Mode().Type() != 0}, nil
}

// OpenDisk opens a regular file or block device, for reading alone where it may not be written.
func OpenDisk(path string, o DiskOptions) (*Disk, error) {
	// What it is comes first: to open a pipe would wait for its other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, cause(err))
	}
	if err := CheckDisk(path, info); err != nil {
		return nil, err
	}
	var f *os.File
	if !o.ReadOnly {
		f, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if o.ReadOnly || err != nil {
		o.ReadOnly = true
		if f, err = os.Open(path); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, cause(err))
		}
	}
	d, err := NewDisk(f, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

// ErrNotDisk is what CheckDisk answers, wrapped.
var ErrNotDisk = errors.New("not a regular file or block device")

// CheckDisk refuses what is neither a regular file nor a block device.
func CheckDisk(path string, info fs.FileInfo) error {
	switch info.Mode().Type() {
	case 0, fs.ModeDevice:
		return nil
	case fs.ModeDir:
		return fmt.Errorf("%s is a directory, %w", path, ErrNotDisk)
	}
	return fmt.Errorf("%s is %w", path, ErrNotDisk)
}

// cause is the bare reason of an error whose verb and object the caller gives.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// ReadOnly reports whether the disk was opened for reading alone.
func (d *Disk) ReadOnly() bool { return d.opt.ReadOnly }

// Size is how long it is now.
func (d *Disk) Size() (uint64, error) {
	if d.dev {
		end, err := d.f.Seek(0, io.SeekEnd)
		return uint64(end), err
	}
	return fileSize(d.f)
}

// ReadAt is io.ReaderAt.
func (d *Disk) ReadAt(b []byte, off int64) (int, error) {
	n, err := d.f.ReadAt(b, off)
	if d.opt.Evict {
		evict(d.f, off, int64(n))
	}
	return n, err
}

// WriteAt is io.WriterAt.
func (d *Disk) WriteAt(b []byte, off int64) (int, error) {
	n, err := d.f.WriteAt(b, off)
	if err == nil && d.opt.Evict {
		err = d.writeBehind(window{off, int64(n)})
	}
	return n, err
}

// window is a range that was written.
type window struct{ off, n int64 }

// writeBehind starts to write a window out, and waits for the oldest of those that were, which leaves the page cache.
// What the kernel says of a lost write here it does not say again to Sync.
func (d *Disk) writeBehind(w window) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.behind[d.oldest]
	d.behind[d.oldest] = w
	d.oldest = (d.oldest + 1) % len(d.behind)
	err := startWrite(d.f, w)
	if err == nil && last.n > 0 {
		if err = waitWrite(d.f, last); err == nil {
			evict(d.f, last.off, last.n)
		}
	}
	if err != nil && d.failed == nil {
		d.failed = d.lost("write", err)
	}
	return d.failed
}

// ErrLost is part of the error of a Sync that failed: what was answered before it may be lost, and no asking again, not
// even of a file that was opened anew, can bring it back.
var ErrLost = errors.New("what was written may be lost")

func (d *Disk) lost(verb string, err error) error {
	return fmt.Errorf("%w: %w", ErrLost, &os.PathError{Op: verb, Path: d.f.Name(), Err: err})
}

// Sync puts all that was written on stable storage. Calls that come while one runs share the next. A kernel tells of
// a lost write once, so one failure fails every later Sync, with ErrLost.
func (d *Disk) Sync() error {
	ticket := d.asked.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil || d.synced >= ticket {
		return d.failed
	}
	covers := d.asked.Load()
	if err := syncData(d.f); err != nil {
		d.failed = d.lost("flush", err)
		return d.failed
	}
	d.synced = covers
	return nil
}

// Close closes the file.
func (d *Disk) Close() error { return d.f.Close() }
