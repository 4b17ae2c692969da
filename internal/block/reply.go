package block

import (
	"io"
	"math"
	"os"
	"sync"
	"syscall"
)

// Reply takes the answer to one request, in order from its offset. A plugin says what the bytes are (memory, a piece
// of a file, a hole); the Reply decides how they travel. Nobody who holds one can look at bytes that another put in:
// that is for its owner's Answer. Not for concurrent use.
type Reply struct {
	segments []Segment
	buffers  []*buffer
	extents  []Extent
	n        uint64 // bytes put in, or covered by extents
	into     []byte // where ReadInto wants the bytes; nil otherwise
	direct   bool   // into is in force
	splice   bool   // the owner can send from a pipe
	sealed   Mark   // nothing before it may grow any more
}

// Mark is a place in a Reply to go back to.
type Mark struct {
	segments, buffers, extents int
	n                          uint64
}

// Segment is a stretch of an Answer.
type Segment struct {
	Data []byte // the bytes; nil for a hole and for a pipe
	Pipe *Pipe  // N bytes wait in it; nil otherwise
	N    uint64 // bytes
}

// Bytes returns memory for the next n bytes. The caller fills all of it before Serve returns: it may hold anything.
func (w *Reply) Bytes(n uint64) []byte {
	if n == 0 {
		return nil
	}
	if w.direct && w.n+n <= uint64(len(w.into)) {
		b := w.into[w.n : w.n+n]
		w.n += n
		return b
	}
	buf := getBuffer(int(n))
	w.buffers = append(w.buffers, buf)
	b := buf.b[:n]
	w.segments = append(w.segments, Segment{Data: b, N: n})
	w.n += n
	return b
}

// Hole says that the next n bytes are zero and known to be a hole.
func (w *Reply) Hole(n uint64) {
	if n == 0 {
		return
	}
	if w.direct {
		clear(w.Bytes(n))
		return
	}
	if last := len(w.segments) - 1; last >= w.sealed.segments && w.segments[last].Data == nil && w.segments[last].Pipe == nil {
		w.segments[last].N += n
	} else {
		w.segments = append(w.segments, Segment{N: n})
	}
	w.n += n
}

// spliceMin is the least that is worth a pipe: below it, copying is cheaper than two more system calls.
const spliceMin = 32 << 10

// File says that the next n bytes are f's from off: moved to a pipe now where the reply's owner can send from one,
// read now where not. A file that ends early is ErrEnds, and never a short answer.
func (w *Reply) File(f *os.File, off int64, n uint64) error {
	for w.splice && n >= spliceMin {
		p := getPipe()
		if p == nil {
			break
		}
		got, err := p.fill(f, off, n)
		if got > 0 {
			w.segments = append(w.segments, Segment{Pipe: p, N: got})
			w.n, off, n = w.n+got, off+int64(got), n-got
			continue
		}
		p.Put()
		if err != nil {
			return err
		}
		break // this file cannot be spliced
	}
	if n == 0 {
		return nil
	}
	got, err := f.ReadAt(w.Bytes(n), off)
	return shortRead(f, got, n, err)
}

// shortRead is the error of a read that brought got of n bytes; io.ReaderAt may say io.EOF beside a full one.
func shortRead(f *os.File, got int, n uint64, err error) error {
	switch {
	case uint64(got) == n:
		return nil
	case err == io.EOF:
		return &os.PathError{Op: "read", Path: f.Name(), Err: ErrEnds}
	}
	return err
}

// ErrEnds is what a read past the end of a truncated file answers: EIO on the wire (it was in range when checked).
var ErrEnds error = &endError{}

type endError struct{}

func (*endError) Error() string { return "the file ends before the range that was asked for" }
func (*endError) Unwrap() error { return syscall.EIO }

// extentsMost bounds the memory of an answer to BlockStatus. Who asks may ask again for what is left.
const extentsMost = 1 << 20

// Extent says what the next n bytes are, for BlockStatus. Neighbours with equal flags become one. What comes behind
// extentsMost extents is left out.
func (w *Reply) Extent(n uint64, flags ExtentFlags) {
	if n == 0 || len(w.extents) == extentsMost {
		return
	}
	w.n += n
	if last := len(w.extents) - 1; last >= w.sealed.extents && w.extents[last].Flags == flags &&
		w.extents[last].Length <= math.MaxUint64-n {
		w.extents[last].Length += n
		return
	}
	w.extents = append(w.extents, Extent{n, flags})
}

// clip cuts the extents since m to n bytes, or to the first one.
func (w *Reply) clip(m Mark, n uint64, one bool) {
	for i := m.extents; i < len(w.extents); i++ {
		e := &w.extents[i]
		e.Length = min(e.Length, n)
		if n -= e.Length; n == 0 || one {
			w.extents = w.extents[:i+1]
		}
	}
	w.n = m.n
	for _, e := range w.extents[m.extents:] {
		w.n += e.Length
	}
}

// Len is how many bytes were put in, or covered by extents, so far.
func (w *Reply) Len() uint64 { return w.n }

// Mark returns the place reached, for Reset.
func (w *Reply) Mark() Mark {
	w.sealed = Mark{len(w.segments), len(w.buffers), len(w.extents), w.n}
	return w.sealed
}

// Reset forgets all that was put in since m was taken: what a failed attempt left.
func (w *Reply) Reset(m Mark) {
	for i := m.segments; i < len(w.segments); i++ {
		if p := w.segments[i].Pipe; p != nil {
			p.Put()
		}
		w.segments[i] = Segment{}
	}
	for i := m.buffers; i < len(w.buffers); i++ {
		w.buffers[i].put()
		w.buffers[i] = nil
	}
	w.segments, w.buffers, w.extents, w.n = w.segments[:m.segments], w.buffers[:m.buffers], w.extents[:m.extents], m.n
	w.sealed = m
}

// Answer is the owner's side of a Reply: made by who asked, and who will send or use what was put in.
type Answer struct{ reply Reply }

var answers = sync.Pool{New: func() any { return new(Answer) }}

// GetAnswer returns an empty Answer. With splice, segments may come in pipes; the owner must be able to send them.
func GetAnswer(splice bool) *Answer {
	a := answers.Get().(*Answer)
	a.reply.splice = splice
	return a
}

// Reply is what the Answer's owner hands to a Door.
func (a *Answer) Reply() *Reply { return &a.reply }

// Segments are the bytes of a Read, in order; valid until Put.
func (a *Answer) Segments() []Segment { return a.reply.segments }

// Extents are the answer to a BlockStatus, in order from its offset; valid until Put.
func (a *Answer) Extents() []Extent { return a.reply.extents }

// Put forgets everything and gives the memory and the pipes back.
func (a *Answer) Put() {
	a.reply.Reset(Mark{})
	a.reply.into, a.reply.direct, a.reply.splice = nil, false, false
	answers.Put(a)
}
