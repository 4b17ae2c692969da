package session

import (
	"testing"
	"time"
)

// Requests that come and go between two samples count; and one that never ends counts from the first.
func TestDepthCountsWhatNoSampleSees(t *testing.T) {
	var d depth
	now, busy := time.Unix(0, 0), time.Duration(0)
	var got, deepest float64
	for range 30 {
		got, deepest = d.look(now, busy, 0)
		now, busy = now.Add(samplePeriod), busy+8*samplePeriod
	}
	if got < 7.9 || got > 8.1 || deepest < 7.9 || deepest > 8.1 {
		t.Errorf("depth %v, deepest %v, want 8", got, deepest)
	}
	for range 30 {
		got, deepest = d.look(now, busy, 3)
		now = now.Add(samplePeriod)
	}
	if got != 3 || deepest < 7.9 {
		t.Errorf("with three that do not end: depth %v, deepest %v", got, deepest)
	}
}
