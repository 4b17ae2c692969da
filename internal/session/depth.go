package session

import "time"

// depth is how many requests there are at once. What all of them took, by the time that has passed, is how many there
// were on average: no sample is needed that might miss those which come and go between two.
type depth struct {
	at      [rateWindow]time.Time
	busy    [rateWindow]time.Duration
	n       int // samples taken
	deepest float64
}

// look takes a sample. Requests that have not ended count for what they are now.
func (d *depth) look(now time.Time, busy time.Duration, inFlight int) (depth, deepest float64) {
	oldest := max(d.n-rateWindow, 0) % rateWindow
	depth = float64(inFlight)
	if d.n > 0 {
		if span := now.Sub(d.at[oldest]); span >= samplePeriod {
			depth = max(depth, float64(busy-d.busy[oldest])/float64(span))
		}
	}
	if d.n == 0 || now.Sub(d.at[(d.n-1)%rateWindow]) > samplePeriod/2 {
		d.at[d.n%rateWindow], d.busy[d.n%rateWindow] = now, busy
		d.n++
	}
	d.deepest = max(d.deepest, depth)
	return depth, d.deepest
}
