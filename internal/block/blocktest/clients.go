package blocktest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
)

// testConcurrent has several clients write and check a stretch each, while others look at everything.
func testConcurrent(t *testing.T, s Subject) {
	const writers, rounds = 4, 30
	stack := s.Build(t, false)
	first := openDisk(t, stack, true)
	stretch := uint64(len(first.model)) / writers
	var group sync.WaitGroup
	for i := range uint64(writers) {
		d := openDisk(t, stack, i%2 == 0)
		group.Go(func() {
			random := rand.New(rand.NewPCG(i, 2))
			for round := range rounds {
				n := 1 + random.Uint64N(stretch/2)
				off := i*stretch + random.Uint64N(stretch-n)
				b := bytes.Repeat([]byte{byte(round + 1)}, int(n))
				a, err := d.do(block.Request{Cmd: block.Write, Offset: off, Length: n, Data: b})
				a.Put()
				if err != nil {
					t.Errorf("write: %v", err)
				}
				if round%5 == 0 && d.door.Info().Zero != block.None {
					a, err := d.do(block.Request{Cmd: block.WriteZeroes, Flags: block.MayTrim, Offset: off, Length: n})
					a.Put()
					if err != nil {
						t.Errorf("write-zeroes: %v", err)
					}
					clear(b)
				}
				got := make([]byte, n)
				if err := d.door.ReadInto(t.Context(), got, off, 0); err != nil || !bytes.Equal(got, b) {
					t.Errorf("read of %d from %d after a write: %v, equal %v", n, off, err, bytes.Equal(got, b))
				}
			}
		})
	}
	group.Go(func() {
		for range rounds {
			for cmd := range block.Cmd(block.Commands) {
				if cmd.Changes() || cmd == block.Flush && !first.door.Info().Flush || cmd == block.Cache && first.door.Info().Cache == block.None {
					continue
				}
				r := block.Request{Cmd: cmd, Length: uint64(len(first.model))}
				if cmd == block.Flush {
					r.Length = 0
				}
				a, err := first.do(r)
				if err != nil {
					t.Errorf("%v: %v", cmd, err)
				}
				a.Put()
			}
		}
	})
	group.Wait()
}

func testShared(t *testing.T, s Subject) {
	stack := s.Build(t, false)
	one, two := openDisk(t, stack, false), openDisk(t, stack, true)
	if one.door.Info() != two.door.Info() {
		t.Errorf("two clients see %+v and %+v", one.door.Info(), two.door.Info())
	}
	one.write(70_000, bytes.Repeat([]byte("shared"), 10_000), 0)
	if !one.door.Info().MultiConn {
		t.Skip("it does not promise one disk to all clients")
	}
	two.model = one.model
	two.check(0, uint64(len(two.model)))
}

// testContext has requests that come when their client is gone already: they may be served or not, and must end.
func testContext(t *testing.T, s Subject) {
	stack := s.Build(t, false)
	d := openDisk(t, stack, false)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	cancel()
	for range 20 {
		a := block.GetAnswer(false)
		err := d.door.Serve(ctx, block.Request{Cmd: block.Read, Length: uint64(len(d.model))}, a.Reply())
		if err != nil && !errors.Is(err, block.ErrShutdown) {
			t.Errorf("%v, want ESHUTDOWN or success", err)
		}
		a.Put()
	}
}
