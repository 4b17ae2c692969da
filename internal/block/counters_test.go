package block

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestCountersCountWhatWasAnswered(t *testing.T) {
	c := NewCounters(2)
	read, write := &Request{Cmd: Read, Offset: 5, Length: 100}, &Request{Cmd: Write, Length: 10}
	clock := Clock()
	c.Begin(0, read, clock)
	c.Begin(1, write, clock+1)
	list := c.Pending()
	if len(list) != 2 || list[0].Cmd != Read || list[0].Offset != 5 || list[0].Length != 100 || list[1].Cmd != Write || list[1].Age < 0 {
		t.Errorf("pending %+v, want the read and the write behind it", list)
	}
	c.End(0, read, nil)
	c.End(1, write, syscall.EIO)
	c.Begin(0, read, Clock())
	c.Cancel(0)
	if list := c.Pending(); len(list) != 0 {
		t.Errorf("pending %+v, want none", list)
	}
	n := c.Counts()
	if n[Read] != (OpCount{1, 100, 0}) || n[Write] != (OpCount{1, 0, 1}) {
		t.Errorf("counts %+v", n)
	}
	n.Add(n)
	if n[Read] != (OpCount{2, 200, 0}) || n.Errors() != 2 {
		t.Errorf("twice the counts %+v", n)
	}
}

func TestCountersAreReadWhileTheyAreWritten(t *testing.T) {
	const workers, rounds = 4, 2000
	c := NewCounters(workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			r := &Request{Cmd: Cmd(w), Offset: uint64(w), Length: 3}
			for range rounds {
				c.Begin(w, r, Clock())
				c.End(w, r, nil)
			}
		})
	}
	for range 500 {
		for _, p := range c.Pending() {
			if p.Age < 0 || p.Length != 3 {
				t.Errorf("pending %+v", p)
			}
		}
		c.Counts()
	}
	group.Wait()
	for cmd := range workers {
		if n := c.Counts()[cmd]; n != (OpCount{rounds, 3 * rounds, 0}) {
			t.Errorf("%v: %+v", Cmd(cmd), n)
		}
	}
}

// What waits at the gate is told apart, and its wait is no part of how long it is served.
func TestAHeldRequestIsNotInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := NewGate(nil), NewCounters(1)
		l, r := g.Lane(), &Request{Cmd: Write, Offset: 7, Length: 100}
		ctx := c.Context(context.WithoutCancel(t.Context()), 0)
		c.Begin(0, r, Clock())
		time.Sleep(time.Second)
		g.Shut()
		go l.Enter(ctx, 0)
		synctest.Wait()
		time.Sleep(time.Minute)
		if got, want := c.Pending(), []Pending{{Write, 7, 100, true, time.Minute}}; !slices.Equal(got, want) {
			t.Errorf("at the gate %+v, want %+v", got, want)
		}
		g.Resume()
		synctest.Wait()
		time.Sleep(time.Second)
		if got, want := c.Pending(), []Pending{{Write, 7, 100, false, 2 * time.Second}}; !slices.Equal(got, want) {
			t.Errorf("past it %+v, want %+v", got, want)
		}
		if c.Held(0) != time.Minute {
			t.Errorf("it was held for %v", c.Held(0))
		}
		c.End(0, r, nil)
		if c.Held(0) != 0 || len(c.Pending()) != 0 {
			t.Error("the next request inherits the wait")
		}
	})
}

func BenchmarkCounters(b *testing.B) {
	c := NewCounters(16)
	r := &Request{Cmd: Read, Length: 4096}
	clock := Clock()
	b.ReportAllocs()
	for b.Loop() {
		c.Begin(3, r, clock)
		c.End(3, r, nil)
	}
}
