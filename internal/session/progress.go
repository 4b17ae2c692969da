package session

import (
	"time"

	"example.com/nbdtui/internal/block"
)

// Progress is how much of the export was touched, and how long the rest will take if it goes on like this. It is
// coverage: two passes over the same bytes, or a reader that jumps about, are not a copy.
type Progress struct {
	block.Covered
	Done    uint64        // bytes read, holes that need not be among them; or written, where that is more
	Writing bool          // Done counts what was written
	Rate    float64       // bytes of new coverage a second, paused time left out
	ETA     time.Duration // 0 where it cannot be told
	Stalled time.Duration // how long nothing new was touched, if that is long; paused time left out
}

const (
	progressWindow = 30 * time.Second // that Rate looks back
	progressEarly  = 3 * time.Second  // before it nothing is foretold
	progressStep   = 500 * time.Millisecond
	stallAfter     = 3 * time.Second
)

// progress foretells the end from the newest samples. Its clock stands while the session is paused.
type progress struct {
	last    time.Time // of the previous look
	clock   time.Duration
	samples []progressSample // oldest first, no older than the window but for the first
	moved   time.Duration    // clock when Done last grew
}

type progressSample struct {
	clock time.Duration
	done  uint64
}

// look takes a sample, if it is time for one, and says how far it is.
func (p *progress) look(now time.Time, c block.Covered, paused bool) Progress {
	n := Progress{Covered: c, Done: c.Read}
	if c.Written > c.Read {
		n.Done, n.Writing = c.Written, true
	}
	if !p.last.IsZero() && !paused {
		p.clock += now.Sub(p.last)
	}
	p.last = now
	p.sample(n.Done)
	if len(p.samples) == 0 || n.Done >= c.Size {
		return n
	}
	if idle := p.clock - p.moved; idle >= stallAfter {
		n.Stalled = idle
		return n
	}
	oldest := p.samples[0]
	if span := p.clock - oldest.clock; span >= progressEarly && n.Done > oldest.done {
		n.Rate = float64(n.Done-oldest.done) / span.Seconds()
		n.ETA = time.Duration(float64(c.Size-n.Done) / n.Rate * float64(time.Second))
	}
	return n
}

// sample keeps what Rate is made of, from the first touch on.
func (p *progress) sample(done uint64) {
	last := len(p.samples) - 1
	switch {
	case last < 0 && done == 0:
		return
	case last < 0 || done > p.samples[last].done:
		p.moved = p.clock
	}
	if last >= 0 && p.clock-p.samples[last].clock < progressStep {
		return
	}
	p.samples = append(p.samples, progressSample{p.clock, done})
	for len(p.samples) > 1 && p.clock-p.samples[1].clock >= progressWindow {
		p.samples = p.samples[1:]
	}
}
