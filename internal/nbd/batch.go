package nbd

import (
	"sync"

	"example.com/nbdtui/internal/block"
)

const (
	batchReplies = 64        // replies in a full batch
	batchBytes   = 256 << 10 // bytes in one
)

// batch is replies that go out together. Heads lie one behind the other in memory of its own; data stays where it is.
type batch struct {
	pieces  []piece
	heads   []byte
	from    int  // where in heads the last piece begins
	grows   bool // the last piece is the end of heads, so that what comes next is part of it
	answers []*block.Answer
	charged []uint64
	replies int
	bytes   uint64 // of data
	vector
}

// piece is a stretch of what is sent.
type piece struct {
	data []byte
	pipe *block.Pipe // holds the bytes; data is nil then
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// full reports whether the batch should go before anything is added.
func (b *batch) full() bool { return b.replies >= batchReplies || b.bytes >= batchBytes }

// head adds what a function of package wire appended to b.heads.
func (b *batch) head(heads []byte) {
	start := len(b.heads)
	b.heads = heads
	if b.grows {
		b.pieces[len(b.pieces)-1].data = heads[b.from:]
		return
	}
	b.pieces = append(b.pieces, piece{data: heads[start:]})
	b.from, b.grows = start, true
}

// segment adds data, a hole as zeroes.
func (b *batch) segment(s block.Segment) {
	b.grows = false
	b.bytes += s.N
	if s.Data != nil || s.Pipe != nil {
		b.pieces = append(b.pieces, piece{s.Data, s.Pipe})
		return
	}
	for n := s.N; n > 0; {
		part := min(n, uint64(len(zeroes)))
		b.pieces = append(b.pieces, piece{data: zeroes[:part]})
		n -= part
	}
}

// zeroes is what a hole is sent as to a client that cannot be told of holes.
var zeroes [64 << 10]byte

// free gives back everything the batch holds, and the batch.
func (b *batch) free(account *account) {
	for _, a := range b.answers {
		a.Put()
	}
	for _, n := range b.charged {
		account.give(n)
	}
	clear(b.answers)
	clear(b.pieces)
	if cap(b.heads) > inputSize {
		b.heads = nil // a long list of extents
	}
	*b = batch{
		pieces: b.pieces[:0], heads: b.heads[:0], answers: b.answers[:0], charged: b.charged[:0],
	}
	batches.Put(b)
}
