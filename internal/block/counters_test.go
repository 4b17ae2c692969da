package block

import (
	"sync"
	"syscall"
	"testing"
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
