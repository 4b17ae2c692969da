package block

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// Counters are one client's: written by the workers of its connection only, and summed by whoever asks.
type Counters struct {
	ops   [Commands]opCounters
	slots []slot
	busy  atomic.Int64 // nanoseconds that requests took, all together
	latencies
	habits
}

type opCounters struct{ requests, bytes, errors atomic.Uint64 }

// slot is the request that one worker has in hand. Its fields are read while they are written: a reader may see a
// request's length beside the next one's offset, which is good enough to look at.
type slot struct {
	start          atomic.Int64 // time of Clock; 0 when the worker is idle
	cmd            atomic.Uint32
	offset, length atomic.Uint64
	since          atomic.Int64 // time of Clock since which it waits at the gate; 0 when it does not
	held           atomic.Int64 // nanoseconds that it has waited there
}

func (s *slot) hold() { s.since.Store(Clock()) }

func (s *slot) release() {
	s.held.Add(Clock() - s.since.Load())
	s.since.Store(0)
}

// done makes the worker idle. A request that was never held costs no write for it.
func (s *slot) done() {
	s.start.Store(0)
	if s.held.Load() != 0 {
		s.held.Store(0)
	}
}

type slotKey struct{}

// Context is what a worker serves its requests with: the gate finds the worker's slot in it, however far below, when
// it holds one.
func (c *Counters) Context(ctx context.Context, worker int) context.Context {
	return context.WithValue(ctx, slotKey{}, &c.slots[worker])
}

// Held is how long the request that a worker has in hand has waited at the gate.
func (c *Counters) Held(worker int) time.Duration { return time.Duration(c.slots[worker].held.Load()) }

// NewCounters makes counters for a client with so many workers.
func NewCounters(workers int) *Counters { return &Counters{slots: make([]slot, workers)} }

var epoch = time.Now()

// Clock is the time that Begin wants: nanoseconds on the monotonic clock, never 0. A worker reads it once for all
// the requests that one wake-up brings.
func Clock() int64 { return int64(time.Since(epoch)) + 1 }

// Begin notes that a worker took r in hand.
func (c *Counters) Begin(worker int, r *Request, clock int64) {
	s := &c.slots[worker]
	s.cmd.Store(uint32(r.Cmd))
	s.offset.Store(r.Offset)
	s.length.Store(r.Length)
	s.start.Store(clock)
}

// End counts r as answered, with err.
func (c *Counters) End(worker int, r *Request, err error) {
	o := &c.ops[r.Cmd]
	if err == nil {
		o.bytes.Add(r.Length)
	} else {
		o.errors.Add(1)
	}
	o.requests.Add(1)
	c.slots[worker].done()
}

// Cancel forgets a Begin whose request was not served (ErrWait).
func (c *Counters) Cancel(worker int) { c.slots[worker].done() }

// OpCount is what was done with one command.
type OpCount struct {
	Requests uint64 // answered, with an error or without
	Bytes    uint64 // of those without
	Errors   uint64
}

// Counts is what was done, by command.
type Counts [Commands]OpCount

// Counts sums up to now.
func (c *Counters) Counts() (n Counts) {
	for i := range c.ops {
		o := &c.ops[i]
		n[i] = OpCount{o.requests.Load(), o.bytes.Load(), o.errors.Load()}
	}
	return n
}

// Add adds m to n.
func (n *Counts) Add(m Counts) {
	for i := range n {
		n[i].Requests += m[i].Requests
		n[i].Bytes += m[i].Bytes
		n[i].Errors += m[i].Errors
	}
}

// Errors is how many requests failed.
func (n *Counts) Errors() (sum uint64) {
	for i := range n {
		sum += n[i].Errors
	}
	return sum
}

// Pending is a request that has not been answered yet: held at the gate, or in flight.
type Pending struct {
	Cmd            Cmd
	Offset, Length uint64
	Held           bool
	Age            time.Duration // how long it has waited at the gate; in flight, how long it has been in hand without that
}

// Pending lists the requests in hand, oldest first.
func (c *Counters) Pending() []Pending {
	now := Clock()
	var list []Pending
	for i := range c.slots {
		s := &c.slots[i]
		start, since, held := s.start.Load(), s.since.Load(), s.held.Load()
		if start == 0 {
			continue
		}
		p := Pending{Cmd: Cmd(s.cmd.Load()), Offset: s.offset.Load(), Length: s.length.Load(), Held: since != 0}
		if p.Held {
			p.Age = time.Duration(max(now-since, 0))
		} else {
			p.Age = time.Duration(max(now-start-held, 0))
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Pending) int { return cmp.Compare(b.Age, a.Age) })
	return list
}
