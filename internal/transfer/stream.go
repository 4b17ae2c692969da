package transfer

import (
	"context"
	"io"
	"os"
	"sync"
)

// streamSource reads what has no offsets: its end is found out.
type streamSource struct {
	f     *os.File
	label string
	owned bool // closed at the end
	piece uint64
	off   uint64
	ended bool
}

func (s *streamSource) name() string         { return s.label }
func (s *streamSource) limits() limits       { return free }
func (s *streamSource) cut(l limits)         { s.piece = l.largest }
func (s *streamSource) size() (uint64, bool) { return 0, false }

func (s *streamSource) next(ctx context.Context, p *piece) (more bool, err error) {
	if s.ended {
		return false, nil
	}
	n, err := await(ctx, func() (int, error) { return io.ReadFull(s.f, p.buf[:s.piece]) })
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		s.ended, err = true, nil
	}
	if err != nil {
		return false, failed("read", s.label, s.off, err)
	}
	p.off, p.n, p.hole = s.off, uint64(n), false
	s.off += p.n
	return n > 0, nil
}

// fill has nothing to do: next has read the piece.
func (s *streamSource) fill(context.Context, *piece) error { return nil }

func (s *streamSource) close() error {
	if s.owned {
		return s.f.Close()
	}
	return nil
}

// streamDestination writes pieces in their order.
type streamDestination struct {
	f     *os.File
	label string
	owned bool // closed at the end

	mu    sync.Mutex
	moved sync.Cond
	turn  uint64 // number of the piece that is to be written
}

func newStreamDestination(f *os.File, label string, owned bool) *streamDestination {
	s := &streamDestination{f: f, label: label, owned: owned}
	s.moved.L = &s.mu
	return s
}

func (s *streamDestination) name() string   { return s.label }
func (s *streamDestination) limits() limits { return free }

func (s *streamDestination) write(ctx context.Context, p *piece) error {
	return s.inTurn(ctx, p, func() error { return s.put(ctx, p.bytes()) })
}

func (s *streamDestination) zero(ctx context.Context, p *piece) error {
	return s.inTurn(ctx, p, func() error {
		return eachZero(p.n, pieceSize, func(_ uint64, b []byte) error { return s.put(ctx, b) })
	})
}

// inTurn writes when all pieces before p are written.
func (s *streamDestination) inTurn(ctx context.Context, p *piece, write func() error) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock() // so that nobody misses it between looking and waiting
		defer s.mu.Unlock()
		s.moved.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.turn != p.number && ctx.Err() == nil {
		s.moved.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	s.turn++
	s.moved.Broadcast()
	return nil
}

func (s *streamDestination) put(ctx context.Context, b []byte) error {
	_, err := await(ctx, func() (int, error) { return s.f.Write(b) })
	return err
}

// finish finds that all is written: what is behind a pipe cannot be flushed.
func (s *streamDestination) finish(context.Context, uint64) error { return nil }

func (s *streamDestination) close() error {
	if s.owned {
		return s.f.Close()
	}
	return nil
}

// await makes a system call that may wait for ever. Nothing can take it back; when ctx ends it is left alone, with
// its memory, and ends when the other side does something or the program ends.
func await(ctx context.Context, call func() (int, error)) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := call()
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// null is nowhere.
type null struct{}

func (null) name() string                         { return nowhere }
func (null) limits() limits                       { return free }
func (null) write(context.Context, *piece) error  { return nil }
func (null) zero(context.Context, *piece) error   { return nil }
func (null) finish(context.Context, uint64) error { return nil }
func (null) close() error                         { return nil }
