package block

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// Counters are one client's: written by the workers of its connection only, and summed by whoever asks.
type Counters struct {
	ops   [Commands]opCounters
	slots []slot
	latencies
}

type opCounters struct{ requests, bytes, errors atomic.Uint64 }

// slot is the request that one worker has in hand. Its fields are read while they are written: a reader may see a
// request's length beside the next one's offset, which is good enough to look at.
type slot struct {
	start          atomic.Int64 // time of Clock; 0 when the worker is idle
	cmd            atomic.Uint32
	offset, length atomic.Uint64
}

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
	c.slots[worker].start.Store(0)
}

// Cancel forgets a Begin whose request was not served (ErrWait).
func (c *Counters) Cancel(worker int) { c.slots[worker].start.Store(0) }

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
	Age            time.Duration
}

// Pending lists the requests in hand, oldest first.
func (c *Counters) Pending() []Pending {
	now := Clock()
	var list []Pending
	for i := range c.slots {
		s := &c.slots[i]
		if start := s.start.Load(); start != 0 {
			list = append(list, Pending{Cmd(s.cmd.Load()), s.offset.Load(), s.length.Load(), time.Duration(max(now-start, 0))})
		}
	}
	slices.SortFunc(list, func(a, b Pending) int { return cmp.Compare(b.Age, a.Age) })
	return list
}
