package block

import (
	"testing"
	"time"
)

func TestLatencyBucketsHoldWhatTheyShould(t *testing.T) {
	last := 0
	for d := time.Duration(1); d < 1<<40; d += d/16 + 1 {
		b := latencyBucket(d)
		if b < last || b > last+1 {
			t.Fatalf("%v is in bucket %d, the one before was %d", d, b, last)
		}
		last = b
		if b == latencyBuckets-1 {
			continue
		}
		if limit := latencyLimit(b); d >= limit || b > 0 && d < latencyLimit(b-1) {
			t.Fatalf("%v is in bucket %d, which ends at %v", d, b, limit)
		}
	}
	if last != latencyBuckets-1 || latencyBucket(-1) != 0 {
		t.Errorf("the last bucket reached is %d of %d", last, latencyBuckets)
	}
}

func TestQuantiles(t *testing.T) {
	c := NewCounters(1)
	c.Took(Read, 90, 100*time.Microsecond)
	c.Took(Read, 9, time.Millisecond)
	c.Took(Read, 1, time.Second)
	var sum LatencyCounts
	c.Latencies(&sum)
	q := sum.Quantiles(Read)
	near := func(got, want time.Duration) bool { return got >= want && got <= want+want/4 }
	if q.Requests != 100 || !near(q.P50, 100*time.Microsecond) || !near(q.P90, 100*time.Microsecond) ||
		!near(q.P99, time.Millisecond) || !near(q.Max, time.Second) {
		t.Errorf("%+v", q)
	}
	if q := sum.Quantiles(Write); q != (Quantiles{}) {
		t.Errorf("of nothing: %+v", q)
	}
	earlier := sum
	c.Took(Read, 1, time.Minute)
	sum = LatencyCounts{}
	c.Latencies(&sum)
	sum.Sub(&earlier)
	if q := sum.Quantiles(Read); q.Requests != 1 || !near(q.P50, time.Minute) {
		t.Errorf("of what came later: %+v", q)
	}
}
