package block

import (
	"os"
	"syscall"
)

// step is a call that a file system or device may lack. That it does is remembered, for each one by itself.
type step int

const (
	punchHole step = iota
	zeroRange
	allocate
	zeroOut
	discard
	readNow
	cacheStat
	seekHole
	steps int = iota
)

// try runs one step and reports whether it is there at all. A call that turns out to be missing is not made again;
// any other failure says nothing about the next time.
func (d *Disk) try(s step, off, n uint64) (there bool, err error) {
	if d.lacks[s].Load() {
		return false, nil
	}
	err = d.run(s, int64(off), int64(n))
	if missing(err) {
		d.lacks[s].Store(true)
		return false, nil
	}
	if err != nil {
		return true, &os.PathError{Op: "zero or trim", Path: d.f.Name(), Err: err}
	}
	return true, nil
}

// missing reports whether err says that the kernel, the file system or the device has no such call.
func missing(err error) bool {
	return unsupported(err) || err == syscall.ENOSYS || err == syscall.ENOTTY || err == syscall.ENODEV
}

// Trim gives blocks back. It is advice: what cannot be given back stays.
func (d *Disk) Trim(off, n uint64) error {
	if !d.dev {
		_, err := d.try(punchHole, off, n)
		return err
	}
	sector, err := d.sector()
	if err != nil {
		return err
	}
	first, end := (off+sector-1)/sector*sector, (off+n)/sector*sector
	if first >= end {
		return nil
	}
	_, err = d.try(discard, first, end-first)
	return err
}

// WriteZeroes tries the cheapest call first, and answers ENOTSUP where there is none: to write is as good then.
func (d *Disk) WriteZeroes(off, n uint64, f Flags) error {
	if d.dev {
		return d.zeroDevice(off, n, f)
	}
	if f&MayTrim != 0 {
		if there, err := d.try(punchHole, off, n); there {
			return err
		}
	}
	if there, err := d.try(zeroRange, off, n); there {
		return err
	}
	// A hole that is filled again: NO_HOLE wants the blocks to be there (proto.md, NBD_CMD_FLAG_NO_HOLE).
	if d.lacks[allocate].Load() {
		return syscall.ENOTSUP
	}
	if there, err := d.try(punchHole, off, n); !there || err != nil {
		return orUnsupported(err)
	}
	there, err := d.try(allocate, off, n)
	if there {
		return err
	}
	return syscall.ENOTSUP
}

// zeroDevice zeroes whole sectors of a block device; the kernel takes no parts of one. BLKZEROOUT may write them, one
// by one, so a fast request has only the hole, which the kernel makes quickly or refuses.
func (d *Disk) zeroDevice(off, n uint64, f Flags) error {
	sector, err := d.sector()
	if err != nil {
		return err
	}
	if (off|n)%sector != 0 {
		return syscall.ENOTSUP
	}
	if f&MayTrim != 0 {
		if there, err := d.try(punchHole, off, n); there {
			return err
		}
	}
	if f&FastZero == 0 {
		if there, err := d.try(zeroOut, off, n); there {
			return err
		}
	}
	return syscall.ENOTSUP
}

// orUnsupported is err, or ENOTSUP where there is none.
func orUnsupported(err error) error {
	if err == nil {
		return syscall.ENOTSUP
	}
	return err
}
