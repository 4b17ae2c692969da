package session

import (
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
)

// What was served before a pause is still "of late" after it, however long it was; and the best second is remembered
// when the minute is over.
func TestLatencyAndPeakOutliveAPause(t *testing.T) {
	var (
		p       sampler
		counter block.Counters
		now     = time.Unix(0, 0)
	)
	second := func(paused bool) {
		now = now.Add(time.Second)
		p.second(now, paused)
	}
	second(false)
	p.sums.totals[block.Read] = block.OpCount{Requests: 5, Bytes: 5 << 20}
	counter.Took(block.Read, 5, time.Millisecond)
	counter.Work(&p.sums.work)
	second(false)
	for range 100 {
		second(true)
	}
	if recent, _ := p.lately(); recent.Took[block.Read].Requests != 5 {
		t.Errorf("after a pause %d requests are of late", recent.Took[block.Read].Requests)
	}
	for range latencySpan {
		second(false)
	}
	recent, whole := p.lately()
	if recent.Took[block.Read].Requests != 0 || whole.Took[block.Read].Requests != 5 {
		t.Errorf("later %d requests are of late, %d in all", recent.Took[block.Read].Requests, whole.Took[block.Read].Requests)
	}
	if p.peak.Read != 5<<20 || p.peak.Written != 0 {
		t.Errorf("the best second had %+v", p.peak)
	}
}
