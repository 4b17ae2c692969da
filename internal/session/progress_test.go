package session

import (
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
)

// copying drives a progress by a clock of its own.
type copying struct {
	progress
	now  time.Time
	done uint64
	got  Progress
}

const copySize = 1000 << 20

// run goes on for d at rate bytes a second.
func (c *copying) run(d time.Duration, rate uint64, paused bool) {
	for range d / samplePeriod {
		c.now = c.now.Add(samplePeriod)
		c.done = min(c.done+rate/10, copySize)
		c.got = c.look(c.now, block.Covered{Size: copySize, Read: c.done}, paused)
	}
}

func around(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want-want/20 || got > want+want/20 {
		t.Errorf("%s: ETA %v, want about %v", what, got, want)
	}
}

func TestTheETA(t *testing.T) {
	c := &copying{now: time.Now()}
	c.run(10*time.Second, 0, false)
	if c.got.ETA != 0 || c.got.Stalled != 0 {
		t.Errorf("before the first touch: %+v", c.got)
	}
	c.run(2*time.Second, 10<<20, false)
	if c.got.ETA != 0 {
		t.Errorf("too early: %+v", c.got)
	}
	c.run(8*time.Second, 10<<20, false) // 100 of 1000 MiB
	around(t, "steady", c.got.ETA, 90*time.Second)
	c.run(time.Hour, 0, true)
	around(t, "after an hour's pause", c.got.ETA, 90*time.Second)
	if c.got.Stalled != 0 {
		t.Error("a pause is no stall")
	}
	c.run(30*time.Second, 20<<20, false) // 700; what was before the window counts no more
	around(t, "twice as fast", c.got.ETA, 15*time.Second)
	c.run(12*time.Second, 0, false)
	if c.got.ETA != 0 || c.got.Stalled < 11*time.Second || c.got.Stalled > 12*time.Second {
		t.Errorf("stalled: %+v", c.got)
	}
	c.run(30*time.Second, 20<<20, false)
	if c.got.Done != copySize || c.got.ETA != 0 || c.got.Stalled != 0 {
		t.Errorf("done: %+v", c.got)
	}
}

func TestProgressCountsWhatIsMore(t *testing.T) {
	var p progress
	if got := p.look(time.Now(), block.Covered{Size: 100, Read: 10, Written: 20}, false); !got.Writing || got.Done != 20 {
		t.Errorf("%+v", got)
	}
}
