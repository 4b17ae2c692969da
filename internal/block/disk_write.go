package block

import (
	"os"
	"sync/atomic"
	"time"
)

// writePrompt writes into the page cache at once, where that takes no reading first and the disk keeps up. The kernel
// has no buffered write that never waits on most file systems, so a rule stands for one: see pace.
func (d *Disk) writePrompt(r Request) error {
	now := Clock()
	if !d.pace.ready(now) || !d.pageCached(r.Offset) || !d.pageCached(r.Offset+r.Length) {
		return ErrWait
	}
	_, err := d.f.WriteAt(r.Data, int64(r.Offset))
	d.pace.note(now, Clock())
	return err
}

var pageSize = uint64(os.Getpagesize())

// pageCached reports whether a write that begins or ends at off needs no byte of the page from the disk.
func (d *Disk) pageCached(off uint64) bool {
	if off%pageSize == 0 {
		return true
	}
	var b [1]byte
	return d.readPrompt(b[:], off) == nil
}

// pace tells a disk that takes writes at once from one that lets their writer sleep: the kernel does so with a full
// page cache, for up to 200 ms. When writes take more than slowWrite on average, nobody on whom others wait makes any
// for restFactor times as long as the last one took. So a slow disk costs a connection's reader at most a 32nd of its
// time. The average keeps one write that was only interrupted from counting for more than it is.
type pace struct {
	mean atomic.Int64 // of the time of the last writes, in ns
	rest atomic.Int64 // until this Clock
}

const (
	slowWrite  = int64(time.Millisecond)
	meanOf     = 16 // writes
	restFactor = 32
	restMost   = int64(10 * time.Second)
)

func (p *pace) ready(now int64) bool { return now >= p.rest.Load() }

// note notes a write. Of two at the same time one may be forgotten.
func (p *pace) note(from, to int64) {
	took := to - from
	mean := p.mean.Load()
	mean += (took - mean) / meanOf
	if mean > slowWrite {
		p.rest.Store(to + min(took*restFactor, restMost))
		mean = slowWrite // so that one fast write is enough to go on
	}
	p.mean.Store(mean)
}
