package plugins

import (
	"bytes"
	"sync"

	"example.com/nbdtui/internal/block"
)

// sparse takes memory for what is written: pages in groups, groups in shards. Neighbouring groups are in different
// shards, each with a lock of its own, so clients meet only where they want the same 2 MiB, and not for longer than a
// copy takes.
type sparse struct {
	shards [shards]shard
	codec  *codec // packs pages; nil where they stay as they are
}

type shard struct {
	sync.RWMutex
	groups map[uint64]*group // by number; one without a page is not there
}

type group struct {
	used  int // pages that are there
	pages [groupPages]page
}

// page is pageSize bytes, or fewer that the codec has packed; nil for none.
type page []byte

const (
	shards     = 64
	groupPages = 64
	pageSize   = 32 << 10
	groupSize  = groupPages * pageSize

	// An answer to BlockStatus ends after so many groups; the client asks again for what is left.
	statusGroups = 1024
)

func newSparse(uint64) (store, error) {
	m := new(sparse)
	for i := range m.shards {
		m.shards[i].groups = map[uint64]*group{}
	}
	return m, nil
}

func (m *sparse) slow() bool { return m.codec != nil }

func (m *sparse) close() error {
	clear(m.shards[:])
	if m.codec != nil {
		return m.codec.close()
	}
	return nil
}

// shard is where the byte at off is kept, and its group there.
func (m *sparse) shard(off uint64) (*shard, uint64) {
	n := off / groupSize
	return &m.shards[n%shards], n
}

// run is how many of the n bytes from off are of the same kind: in pages that are there, or not; at most to the end
// of the group.
func (m *sparse) run(off, n uint64) (length uint64, data bool) {
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

func (m *sparse) read(w *block.Reply, off, n uint64) {
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
func (m *sparse) copy(b []byte, off uint64) {
	for len(b) > 0 {
		n := min(uint64(len(b)), groupSize-off%groupSize)
		s, number := m.shard(off)
		s.RLock()
		g := s.groups[number]
		for part := b[:n]; len(part) > 0; {
			at := off % pageSize
			length := min(uint64(len(part)), pageSize-at)
			var p page
			if g != nil {
				p = g.pages[off/pageSize%groupPages]
			}
			switch {
			case p == nil:
				clear(part[:length])
			case m.codec == nil:
				copy(part[:length], p[at:])
			default:
				m.codec.copy(part[:length], p, at)
			}
			part, off = part[length:], off+length
		}
		s.RUnlock()
		b = b[n:]
	}
}

func (m *sparse) write(b []byte, off uint64) {
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
			p, at := &g.pages[off/pageSize%groupPages], off%pageSize
			piece := part[:min(uint64(len(part)), pageSize-at)]
			if *p == nil {
				g.used++
			}
			if m.codec != nil {
				*p = m.codec.change(*p, at, piece)
			} else {
				if *p == nil {
					*p = make(page, pageSize)
				}
				copy((*p)[at:], piece)
			}
			part, off = part[len(piece):], off+uint64(len(piece))
		}
		s.Unlock()
		b = b[n:]
	}
}

// zero makes the range zero, and lets go every page that is zero as a whole.
func (m *sparse) zero(off, n uint64) {
	end := off + n
	first, last := off/groupSize, (end-1)/groupSize
	for number := first; number <= last && number < first+shards; number++ {
		s := &m.shards[number%shards]
		s.Lock()
		if (last-number)/shards < uint64(len(s.groups)) {
			for i := number; i <= last; i += shards {
				m.zeroGroup(s, i, off, end)
			}
		} else { // the range is mostly not there
			for i := range s.groups {
				if first <= i && i <= last {
					m.zeroGroup(s, i, off, end)
				}
			}
		}
		s.Unlock()
	}
}

// zeroGroup makes zero what of [off, end) is in a group. Called with the shard locked.
func (m *sparse) zeroGroup(s *shard, number, off, end uint64) {
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
				if m.codec != nil {
					*p = m.codec.change(*p, at, noPage[:length])
				} else {
					clear((*p)[at : at+length])
				}
			}
			if length == pageSize || m.isZero(*p) {
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

var noPage [pageSize]byte

// isZero reports whether a page is there and all zero.
func (m *sparse) isZero(p page) bool {
	if len(p) < pageSize {
		return bytes.Equal(p, m.codec.zero)
	}
	return bytes.Equal(p, noPage[:])
}

// status tells missing pages from zero ones and from data.
func (m *sparse) status(w *block.Reply, off, n uint64) {
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
			m.groupStatus(g, w, off, length)
		}
		s.RUnlock()
		off, n = off+length, n-length
	}
}

func (m *sparse) groupStatus(g *group, w *block.Reply, off, n uint64) {
	for n > 0 {
		length := min(n, pageSize-off%pageSize)
		switch p := g.pages[off/pageSize%groupPages]; {
		case p == nil:
			w.Extent(length, block.Hole|block.Zero)
		case m.isZero(p):
			w.Extent(length, block.Zero)
		default:
			w.Extent(length, 0)
		}
		off, n = off+length, n-length
	}
}
