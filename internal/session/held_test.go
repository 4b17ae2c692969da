package session

import (
	"sync"
	"testing"

	"example.com/nbdtui/internal/nbd/client"
)

// In a pause all that waits is held, whether a worker has it in hand or it is in the line for one, and nothing of it is
// old: it is the pause that waits, not the disk.
func TestWhatWaitsInAPauseIsHeld(t *testing.T) {
	const requests = 20 // four more than workers
	s := start(t, Config{Watched: true}, "memory", nil, "1M")
	c, err := client.Dial(t.Context(), s.URI())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.Pause()
	until(t, s, func() bool { return s.Snapshot().State == Paused })
	var asked sync.WaitGroup
	for range requests {
		asked.Go(func() {
			if err := c.ReadAt(t.Context(), make([]byte, 512), 0); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, s, func() bool { return s.Snapshot().Held == requests })
	n := s.Snapshot()
	if one := n.Clients[0]; n.InFlight != 0 || n.Oldest != 0 || one.Held != requests || one.Queued != 0 {
		t.Errorf("%d in flight, the oldest for %v; the client has %d held and %d queued", n.InFlight, n.Oldest, one.Held, one.Queued)
	}
	for _, p := range n.Clients[0].Pending {
		if !p.Held {
			t.Errorf("in a pause: %+v", p)
		}
	}
	s.Resume()
	asked.Wait()
	until(t, s, func() bool { return s.Snapshot().Held == 0 })
}
