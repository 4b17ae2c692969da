package block

import "time"

// Work is what requests took and how they were asked for: of a client, or of several.
type Work struct {
	Took   LatencyCounts
	Habits Habits
	Busy   time.Duration // that all requests together took: with the time that passed, how many were in hand at once
}

// Work adds what was noted up to now to sum.
func (c *Counters) Work(sum *Work) {
	c.Latencies(&sum.Took)
	c.Habits(&sum.Habits)
	sum.Busy += time.Duration(c.busy.Load())
}

// Sub takes m, an earlier sum, from w.
func (w *Work) Sub(m *Work) {
	w.Took.Sub(&m.Took)
	w.Habits.Sub(&m.Habits)
	w.Busy -= m.Busy
}
