package wire

// BaseAllocation is the meta context that tells holes and zeroes.
const BaseAllocation = "base:allocation"

// ContextRequest is the data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT.
type ContextRequest struct {
	Export []byte // a piece of what was decoded
	rest   []byte // the queries that Next has not given yet
}

// DecodeContextRequest decodes data. ok is false unless its lengths fill it exactly and no query is longer than
// MaxString.
func DecodeContextRequest(data []byte) (r ContextRequest, ok bool) {
	if r.Export, data, ok = cut(data); !ok || len(data) < 4 {
		return r, false
	}
	count := be.Uint32(data)
	r.rest = data[4:]
	rest := r.rest
	for ; count > 0; count-- {
		var query []byte
		if query, rest, ok = cut(rest); !ok || len(query) > MaxString {
			return r, false
		}
	}
	return r, len(rest) == 0
}

// Empty reports whether there are no queries left.
func (r *ContextRequest) Empty() bool { return len(r.rest) == 0 }

// Next returns the next query; call it only while there is one.
func (r *ContextRequest) Next() (query []byte) {
	query, r.rest, _ = cut(r.rest)
	return query
}

// cut takes a string with its length in front off b.
func cut(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(be.Uint32(b))
	if b = b[4:]; n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
