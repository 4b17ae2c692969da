package filters

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		words []string
		limit int
	}{{nil, 1}, {[]string{"limit=3"}, 3}, {[]string{"limit=0"}, 20}} {
		s := over(t, "limit", c.words...)
		var doors []*block.Door
		for i := range 20 {
			admitted := s.Admit(t.Context(), block.Peer{}) == nil
			d, err := s.Try(t.Context(), block.OpenRequest{})
			if fits := i < c.limit; admitted != fits || (err == nil) != fits {
				t.Errorf("limit %d: client %d is admitted: %v, and opens: %v", c.limit, i+1, admitted, err)
			}
			if err == nil {
				doors = append(doors, d)
			} else if !errors.Is(err, syscall.EPERM) {
				t.Errorf("%v, want EPERM", err)
			}
		}
		for _, d := range doors { // each that leaves makes room for one
			if err := d.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Admit(t.Context(), block.Peer{}); err != nil {
				t.Errorf("limit %d: there is room, and %v", c.limit, err)
			}
			s.Open(t, block.OpenRequest{})
		}
	}
	for _, value := range []string{"-1", "", "x", "4294967296"} {
		if refused(t, "limit", "limit", value) == nil {
			t.Errorf("limit=%s is taken", value)
		}
	}
}

// An export that could not be opened holds no place.
func TestLimitCountsWhoCameIn(t *testing.T) {
	l := &limitLayer{limit: 1}
	for range 2 {
		if _, err := l.Open(t.Context(), block.OpenRequest{}, failing); !errors.Is(err, syscall.ENXIO) {
			t.Errorf("%v, want what is below", err)
		}
	}
}

// Of many that were all admitted, no more than the limit get in.
func TestLimitHoldsForManyAtOnce(t *testing.T) {
	s := over(t, "limit", "limit=3")
	var group sync.WaitGroup
	var in atomic.Int64
	for range 20 {
		group.Go(func() {
			if d, err := s.Try(t.Context(), block.OpenRequest{}); err == nil {
				in.Add(1)
				t.Cleanup(func() { d.Close(t.Context()) })
			}
		})
	}
	group.Wait()
	if in.Load() != 3 {
		t.Errorf("%d clients are in, want 3", in.Load())
	}
}
