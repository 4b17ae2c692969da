package block

import (
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// Latencies are sorted into buckets, four to a power of two: from about 1 µs to about two minutes, each a quarter
// wider than it should be at most.
const (
	latencyFirst   = 10 // 2^10 ns: all below is one bucket
	latencyLast    = 37 // 2^37 ns: all above is one bucket
	latencyBuckets = (latencyLast-latencyFirst)*4 + 2
)

func latencyBucket(d time.Duration) int {
	n := uint64(max(d, 0))
	exponent := bits.Len64(n) - 1
	if exponent < latencyFirst {
		return 0
	}
	quarter := int(n>>(exponent-2)) & 3
	return min((exponent-latencyFirst)*4+quarter+1, latencyBuckets-1)
}

// latencyLimit is the upper end of a bucket of a Spread.
func latencyLimit(bucket int) time.Duration {
	if bucket == 0 {
		return 1 << latencyFirst
	}
	exponent, quarter := (bucket-1)/4+latencyFirst, (bucket-1)%4
	return time.Duration(5+quarter) << (exponent - 2)
}

// latencies count requests by how long they took.
type latencies [Commands][latencyBuckets]atomic.Uint64

// Took notes how long n requests of one kind took from being read to being answered; time held at the gate is no part
// of it.
func (c *Counters) Took(cmd Cmd, n uint64, d time.Duration) {
	c.latencies[cmd][latencyBucket(d)].Add(n)
	c.busy.Add(int64(n) * int64(d))
}

// Latencies adds what was counted up to now to sum.
func (c *Counters) Latencies(sum *LatencyCounts) {
	for cmd := range sum {
		for i := range sum[cmd] {
			sum[cmd][i] += c.latencies[cmd][i].Load()
		}
	}
}

// LatencyCounts are requests by command and by how long they took.
type LatencyCounts [Commands][latencyBuckets]uint64

// Add adds m to n.
func (n *LatencyCounts) Add(m *LatencyCounts) {
	for cmd := range n {
		for i := range n[cmd] {
			n[cmd][i] += m[cmd][i]
		}
	}
}

// Sub takes m, an earlier sum, from n.
func (n *LatencyCounts) Sub(m *LatencyCounts) {
	for cmd := range n {
		for i := range n[cmd] {
			n[cmd][i] -= m[cmd][i]
		}
	}
}

// Quantiles say how long requests took: half of them at most P50. Each is the upper end of its bucket.
type Quantiles struct {
	Requests           uint64
	P50, P90, P99, Max time.Duration
}

// Spread is how requests of one kind are spread over the buckets; it ends with the last that has any, and is nil where
// there was no request.
type Spread []uint64

// Spread is that of one command.
func (n *LatencyCounts) Spread(cmd Cmd) Spread {
	end := len(n[cmd])
	for end > 0 && n[cmd][end-1] == 0 {
		end--
	}
	if end == 0 {
		return nil
	}
	return slices.Clone(n[cmd][:end])
}

// Quantiles are those of one command.
func (n *LatencyCounts) Quantiles(cmd Cmd) (q Quantiles) {
	buckets := &n[cmd]
	for _, b := range buckets {
		q.Requests += b
	}
	var below uint64
	for i, b := range buckets {
		if b == 0 {
			continue
		}
		below += b
		limit := latencyLimit(i)
		q.Max = limit
		for _, p := range []struct {
			share uint64 // of a hundred
			at    *time.Duration
		}{{50, &q.P50}, {90, &q.P90}, {99, &q.P99}} {
			if *p.at == 0 && below*100 >= q.Requests*p.share {
				*p.at = limit
			}
		}
	}
	return q
}
