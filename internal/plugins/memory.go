package plugins

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Plugin,
		Name:    "memory",
		Summary: "serve a disk that is kept in memory",
		Help: `Serves size= bytes, zero at first, to all clients alike. Memory is taken for what is written, in pages of
32 KiB, and given back for what is trimmed or zeroed.

It does not keep anything when nbdtui ends, does not limit how much of the machine's memory is taken, and does not
reserve any: NO_HOLE has no effect.`,
		Magic:  "size",
		Prompt: true,
		New:    func() block.Builder { return &memoryBuilder{} },
	})
}

type memoryBuilder struct{ size uint64 }

func (b *memoryBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "size", Kind: "SIZE", Help: "how large the disk is", Need: true, Set: param.Size(&b.size)},
		{Name: "allocator", Kind: "sparse", Default: "sparse", Help: "how memory is taken", Set: onlySparse},
	}}
}

func onlySparse(value string) error {
	if value != "sparse" {
		return errors.New("must be sparse: there is no other allocator")
	}
	return nil
}

func (b *memoryBuilder) Build(block.Host) (block.Layer, error) {
	m := &memory{size: b.size}
	for i := range m.shards {
		m.shards[i].groups = map[uint64]*group{}
	}
	return m, nil
}

// memory is a sparse disk: pages in groups, groups in shards. Neighbouring groups are in different shards, each with
// a lock of its own, so clients meet only where they want the same 2 MiB, and not for longer than a copy takes.
type memory struct {
	size   uint64
	shards [shards]shard
}

type shard struct {
	sync.RWMutex
	groups map[uint64]*group // by number; one without a page is not there
}

type group struct {
	used  int // pages that are there
	pages [groupPages]*page
}

type page [pageSize]byte

const (
	shards     = 64
	groupPages = 64
	pageSize   = 32 << 10
	groupSize  = groupPages * pageSize

	// An answer to BlockStatus ends after so many groups; the client asks again for what is left.
	statusGroups = 1024
)

func (m *memory) Open(context.Context, block.OpenRequest, block.Opener) (block.Handler, error) {
	return memoryClient{m}, nil
}

// Close lets the memory go.
func (m *memory) Close() error {
	clear(m.shards[:])
	return nil
}

// memoryClient is a client's view. Nothing in it waits, so NoWait needs no thought, and nothing fails.
type memoryClient struct{ *memory }

func (m memoryClient) Info() block.Info {
	return block.Info{
		Size:      m.size,
		MultiConn: true,
		Flush:     true,
		Trim:      true,
		FastZero:  true,
		Extents:   true,
		Zero:      block.Native,
		FUA:       block.Native,
		Cache:     block.Native,
	}
}

func (m memoryClient) Serve(_ context.Context, r block.Request, w *block.Reply) error {
	switch r.Cmd {
	case block.Read:
		m.read(w, r.Offset, r.Length)
	case block.Write:
		m.write(r.Data, r.Offset)
	case block.Trim, block.WriteZeroes:
		m.zero(r.Offset, r.Length)
	case block.BlockStatus:
		m.status(w, r.Offset, r.Length)
	}
	return nil // Flush and Cache: it is all in memory
}

func (m memoryClient) Close(context.Context) error { return nil }

// shard is where the byte at off is kept, and its group there.
func (m *memory) shard(off uint64) (*shard, uint64) {
	n := off / groupSize
	return &m.shards[n%shards], n
}

// run is how many of the n bytes from off are of the same kind: in pages that are there, or not; at most to the end
// of the group.
func (m *memory) run(off, n uint64) (length uint64, data bool) {
	n = min(n, groupSize-off%groupSize)
	s, number := m.shard(off)
	s.RLock()
	defer s.RUnlock()
	g := s.groups[number]
	if g == nil {
		return n, false
	}
	first := off / pageSize % groupPages
	data = g.pages[first] != nil
	length = pageSize - off%pageSize
	for i := first + 1; length < n && (g.pages[i] != nil) == data; i++ {
		length += pageSize
	}
	return min(length, n), data
}

func (m *memory) read(w *block.Reply, off, n uint64) {
	for n > 0 {
		length, data := m.run(off, n)
		for length < n { // a run may go on in the next group
			more, same := m.run(off+length, n-length)
			if same != data {
				break
			}
			length += more
		}
		if data {
			m.copy(w.Bytes(length), off)
		} else {
			w.Hole(length)
		}
		off, n = off+length, n-length
	}
}

// copy fills b from off. A page that went away meanwhile is zero.
func (m *memory) copy(b []byte, off uint64) {
	for len(b) > 0 {
		n := min(uint64(len(b)), groupSize-off%groupSize)
		s, number := m.shard(off)
		s.RLock()
		g := s.groups[number]
		for part := b[:n]; len(part) > 0; {
			at := off % pageSize
			length := min(uint64(len(part)), pageSize-at)
			var p *page
			if g != nil {
				p = g.pages[off/pageSize%groupPages]
			}
			if p != nil {
				copy(part[:length], p[at:])
			} else {
				clear(part[:length])
			}
			part, off = part[length:], off+length
		}
		s.RUnlock()
		b = b[n:]
	}
}

func (m *memory) write(b []byte, off uint64) {
	for len(b) > 0 {
		n := min(uint64(len(b)), groupSize-off%groupSize)
		s, number := m.shard(off)
		s.Lock()
		g := s.groups[number]
		if g == nil {
			g = new(group)
			s.groups[number] = g
		}
		for part := b[:n]; len(part) > 0; {
			p := &g.pages[off/pageSize%groupPages]
			if *p == nil {
				*p = new(page)
				g.used++
			}
			copied := copy((*p)[off%pageSize:], part)
			part, off = part[copied:], off+uint64(copied)
		}
		s.Unlock()
		b = b[n:]
	}
}

// zero makes the range zero, and lets go every page that is zero as a whole.
func (m *memory) zero(off, n uint64) {
	end := off + n
	first, last := off/groupSize, (end-1)/groupSize
	for number := first; number <= last && number < first+shards; number++ {
		s := &m.shards[number%shards]
		s.Lock()
		if (last-number)/shards < uint64(len(s.groups)) {
			for i := number; i <= last; i += shards {
				s.zero(i, off, end)
			}
		} else { // the range is mostly not there
			for i := range s.groups {
				if first <= i && i <= last {
					s.zero(i, off, end)
				}
			}
		}
		s.Unlock()
	}
}

// zero is what of [off, end) is in group number. Called with the shard locked.
func (s *shard) zero(number, off, end uint64) {
	g := s.groups[number]
	if g == nil {
		return
	}
	start := number * groupSize
	off, end = max(off, start), min(end, start+groupSize)
	for off < end {
		at := off % pageSize
		length := min(end-off, pageSize-at)
		if p := &g.pages[off/pageSize%groupPages]; *p != nil {
			if length < pageSize {
				clear((*p)[at : at+length])
			}
			if length == pageSize || (*p).zero() {
				*p = nil
				g.used--
			}
		}
		off += length
	}
	if g.used == 0 {
		delete(s.groups, number)
	}
}

var noPage page

func (p *page) zero() bool { return bytes.Equal(p[:], noPage[:]) }

// status tells missing pages from zero ones and from data.
func (m *memory) status(w *block.Reply, off, n uint64) {
	for range statusGroups {
		if n == 0 {
			return
		}
		length := min(n, groupSize-off%groupSize)
		s, number := m.shard(off)
		s.RLock()
		g := s.groups[number]
		if g == nil {
			w.Extent(length, block.Hole|block.Zero)
		} else {
			g.status(w, off, length)
		}
		s.RUnlock()
		off, n = off+length, n-length
	}
}

func (g *group) status(w *block.Reply, off, n uint64) {
	for n > 0 {
		length := min(n, pageSize-off%pageSize)
		switch p := g.pages[off/pageSize%groupPages]; {
		case p == nil:
			w.Extent(length, block.Hole|block.Zero)
		case p.zero():
			w.Extent(length, block.Zero)
		default:
			w.Extent(length, 0)
		}
		off, n = off+length, n-length
	}
}
