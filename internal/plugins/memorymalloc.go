package plugins

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// malloc is a disk in one piece of memory, which Go does not manage: it would look through it again and again. Who
// reads and writes the same bytes at the same time gets some of each, as of any disk, so there is no lock.
type malloc []byte

func newMalloc(size uint64, lock bool) (store, error) {
	const hint = "allocator=sparse takes memory only for what is written"
	if size == 0 {
		return malloc(nil), nil
	}
	if size > math.MaxInt {
		return nil, param.WithHint(fmt.Errorf("%d bytes do not fit into memory", size), hint)
	}
	m, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("take %d bytes of memory: %w", size, err), hint)
	}
	if lock {
		if err := unix.Mlock(m); err != nil {
			unix.Munmap(m)
			return nil, param.WithHint(fmt.Errorf("lock %d bytes of memory: %w", size, err),
				"raise the limit of locked memory with ulimit -l, or leave mlock out")
		}
	}
	return malloc(m), nil
}

func (m malloc) read(w *block.Reply, off, n uint64) { copy(w.Bytes(n), m[off:]) }
func (m malloc) write(b []byte, off uint64)         { copy(m[off:], b) }
func (m malloc) zero(off, n uint64)                 { clear(m[off : off+n]) }
func (m malloc) status(w *block.Reply, _, n uint64) { w.Extent(n, 0) }
func (m malloc) slow() bool                         { return false }

func (m malloc) close() error {
	if m == nil {
		return nil
	}
	return unix.Munmap(m)
}
