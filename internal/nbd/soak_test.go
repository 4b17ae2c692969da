package nbd_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
	"example.com/nbdtui/internal/nbd/client"
)

// soakTime is how long TestSoak goes on: a moment, or what SOAK says.
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK=%s: %v", text, err)
	}
	return d
}

const (
	soakers = 32
	region  = 256 << 10 // of the disk, for each
)

// soaker is a client that does anything to its region, and knows what must stand in it.
type soaker struct {
	h      *house
	uri    string
	random *rand.Rand
	from   uint64
	model  []byte
	client *client.Client // nil after it has left
	did    *atomic.Int64
}

// TestSoak has clients come and go, write and vanish, with and without TLS, while the gate is shut now and then. The
// disk is what they made it, and nothing is left of them.
func TestSoak(t *testing.T) {
	for name, with := range map[string]func(*house, *nbd.Config){
		"by the reader": func(*house, *nbd.Config) {},
		"by workers":    func(_ *house, c *nbd.Config) { c.Prompt = false },
	} {
		t.Run(name, func(t *testing.T) { soak(t, soakTime(t)/2, with) })
	}
}

func soak(t *testing.T, long time.Duration, with func(*house, *nbd.Config)) {
	h := newHouse(t, with)
	dir, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	uris := []string{
		h.uri(), "nbd://" + h.tcp + "/disk", "nbds://" + h.tcp + "/disk?tls-hostname=localhost&tls-certificates=" + dir,
	}
	h.served()
	h.nobody()
	goroutines, open, heap := runtime.NumGoroutine(), descriptors(t), heapInUse()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var all sync.WaitGroup
	var did atomic.Int64
	list := make([]*soaker, soakers)
	for i := range list {
		s := &soaker{
			h: h, uri: uris[i%len(uris)], random: rand.New(rand.NewPCG(uint64(i), uint64(long))),
			from: uint64(i) * region, model: make([]byte, region), did: &did,
		}
		list[i] = s
		all.Go(func() { s.run(ctx) })
	}
	all.Go(func() { // the gate
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.gate.Pause(ctx)
				h.gate.Resume()
			case <-ctx.Done():
				return
			}
		}
	})
	all.Wait()
	h.nobody()
	disk := h.disk.bytes()
	for i, s := range list {
		if !bytes.Equal(disk[s.from:s.from+region], s.model) {
			t.Errorf("client %d finds something else on the disk than it has written", i)
		}
	}
	h.eventually("all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	if n := descriptors(t); n > open+2+48*2 { // pipes stay in their pool
		t.Errorf("%d descriptors are open, and %d were", n, open)
	}
	if grown := heapInUse() - heap; grown > 64<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	t.Logf("%d operations by %d clients in %v", did.Load(), h.server.Clients().Seen, long)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what pools had
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

func (s *soaker) run(ctx context.Context) {
	defer s.leave()
	for ctx.Err() == nil && !s.h.t.Failed() {
		if s.client == nil {
			c, err := client.Dial(context.Background(), s.uri)
			if err != nil {
				s.h.t.Errorf("dial: %v", err)
				return
			}
			s.client = c
		}
		s.did.Add(1)
		if err := s.one(context.Background()); err != nil {
			s.h.t.Errorf("%s: %v", s.uri, err)
			return
		}
	}
}

func (s *soaker) leave() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// piece is a part of the region, small or large.
func (s *soaker) piece() (at, n uint64) {
	n = 1 + s.random.Uint64N(1<<(4+s.random.Uint64N(14)))
	return s.random.Uint64N(region - n + 1), n
}

// one does one thing.
func (s *soaker) one(ctx context.Context) error {
	at, n := s.piece()
	off, part := s.from+at, s.model[at:at+n]
	flags := block.Flags(0)
	if s.random.IntN(4) == 0 {
		flags = block.FUA
	}
	switch s.random.IntN(40) {
	case 0:
		s.leave()
		return nil
	case 1:
		s.vanish()
		return nil
	case 2, 3:
		return s.client.Flush(ctx)
	case 4, 5:
		clear(part)
		return s.client.Trim(ctx, off, n, flags)
	case 6, 7:
		clear(part)
		return s.client.Zero(ctx, off, n, flags|block.MayTrim*block.Flags(s.random.IntN(2)))
	case 8, 9:
		_, err := s.client.Extents(ctx, off, n, 0, nil)
		return err
	}
	if s.random.IntN(2) == 0 {
		for i := range part {
			part[i] = byte(s.random.Uint32())
		}
		return s.client.WriteAt(ctx, part, off, flags)
	}
	got := make([]byte, n)
	if err := s.client.ReadAt(ctx, got, off); err != nil {
		return err
	}
	if !bytes.Equal(got, part) {
		s.h.t.Errorf("%d bytes at %d are not what was written", n, off)
	}
	return nil
}

// vanish is another client, which asks for much, begins to write, and is gone.
func (s *soaker) vanish() {
	network := []string{"unix", "tcp", "tls"}[s.random.IntN(3)]
	c := s.h.client(network, s.random.IntN(2) == 0)
	defer c.Conn.Close()
	for range s.random.IntN(10) {
		c.Write(ask{cmd: 0, off: s.from, n: region}.bytes(1))
	}
	_, n := s.piece()
	b := write(s.from, uint32(n), 0).bytes(2)
	c.Write(b[:s.random.IntN(len(b))])
}
