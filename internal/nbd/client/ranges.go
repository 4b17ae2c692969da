package client

import "slices"

// ranges are parts of a read that have come: sorted, apart from one another.
type ranges []span

type span struct{ start, end uint64 }

// maxRanges bounds the memory of a reply that comes in parts out of order.
const maxRanges = 4096

// add adds start up to end, where nothing of it has come and there are not too many parts.
func (r *ranges) add(start, end uint64) bool {
	s := *r
	i, _ := slices.BinarySearchFunc(s, start, func(s span, start uint64) int {
		if s.end <= start {
			return -1
		}
		return 1
	}) // the first that ends behind start
	if i < len(s) && s[i].start < end {
		return false
	}
	before, after := i > 0 && s[i-1].end == start, i < len(s) && s[i].start == end
	switch {
	case before && after:
		s[i-1].end = s[i].end
		*r = slices.Delete(s, i, i+1)
	case before:
		s[i-1].end = end
	case after:
		s[i].start = start
	case len(s) == maxRanges:
		return false
	default:
		*r = slices.Insert(s, i, span{start, end})
	}
	return true
}

// whole reports whether all n bytes have come.
func (r ranges) whole(n uint64) bool { return len(r) == 1 && r[0] == span{0, n} }
