package captive

import (
	"bytes"
	"sync"
	"time"
)

// How much is shown: burst at once, budget in the long run, and less where it is hard to show. The emulator takes
// 10 MB/s of coloured text but 0.4 MB/s of empty lines, and a quarter of a core is enough for it. What comes faster is
// skipped, down to the newest window; slack keeps skips apart.
const (
	budget = 512 << 10 // bytes a second
	burst  = 1 << 20   // bytes
	window = 64 << 10
	slack  = 64 << 10
	price  = 2 << 20 // bytes that a second of the emulator's time costs at least

	calmAfter = time.Second     // without a skip, until the screen no longer says so
	rushFor   = 2 * time.Second // to show all that a child left behind; then only the newest
	rushed    = 16 << 10        // bytes are shown
)

// backlog is output that was read and not yet shown. One goroutine puts, one takes.
type backlog struct {
	hold bool          // put waits instead of skipping
	more chan struct{} // take has something new to say
	room chan struct{} // put may have room

	mu        sync.Mutex
	data      bytes.Buffer
	skipped   bool  // output is missing before data
	modes     modes // and these modes were set in it
	skippedAt time.Time
	credit    float64   // bytes that may be shown now; below zero while a debt is paid
	counted   time.Time // when credit was
	rushUntil time.Time // not zero: no budget any more, all of it until then
	ending    bool      // due counts, and shown is still open
	due       int       // bytes to show before shown is closed
	shown     chan struct{}
}

func newBacklog(hold bool) *backlog {
	return &backlog{
		hold:    hold,
		more:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		modes:   modes{},
		credit:  burst,
		counted: time.Now(),
		shown:   make(chan struct{}),
	}
}

// put adds output. With hold it waits for room, or for closing.
func (b *backlog) put(p []byte, closing <-chan struct{}) {
	for !b.tryPut(p) {
		select {
		case <-b.room:
		case <-closing:
			return
		}
	}
	poke(b.more)
}

func (b *backlog) tryPut(p []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(time.Now())
	rushing := !b.rushUntil.IsZero()
	if b.hold && !rushing && b.data.Len() >= window {
		return false
	}
	b.data.Write(p)
	limit := window + slack + max(int(b.credit), 0)
	if rushing {
		limit = window + slack + burst
	}
	if b.data.Len() > limit {
		b.skip(window)
	}
	return true
}

// skip drops all but the newest n bytes, from the start of a line on where there is one.
func (b *backlog) skip(n int) {
	b.modes.scan(b.data.Next(b.data.Len() - n))
	if end := bytes.IndexByte(b.data.Bytes()[:n/4], '\n'); end >= 0 {
		b.modes.scan(b.data.Next(end + 1))
	}
	b.due = min(b.due, b.data.Len())
	b.skipped, b.skippedAt = true, time.Now()
}

// newest is how many bytes the last lines of p have.
func newest(p []byte, lines int) int {
	start := len(p)
	for ; lines >= 0 && start >= 0; lines-- {
		start = bytes.LastIndexByte(p[:start], '\n')
	}
	return len(p) - (start + 1)
}

// count adds the credit that the time since the last call has earned.
func (b *backlog) count(now time.Time) {
	b.credit = min(b.credit+now.Sub(b.counted).Seconds()*budget, burst)
	b.counted = now
}

// piece is what to show next.
type piece struct {
	data    []byte // nil: nothing now
	skipped bool   // output is missing before data
	modes   []byte // sequences that set the modes as the missing output did

	wait time.Duration // without data: ask again then; 0 when there is more
	calm bool          // without data: nothing was skipped of late
}

// take moves up to len(buf) bytes into buf. What the call before gave has been shown by now.
func (b *backlog) take(buf []byte) piece {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.count(now)
	if b.ending && b.due <= 0 {
		b.ending, b.rushUntil = false, time.Time{}
		close(b.shown)
	}
	if b.data.Len() == 0 {
		left := calmAfter - now.Sub(b.skippedAt)
		return piece{wait: max(left, 0), calm: left <= 0}
	}
	if b.rushUntil.IsZero() {
		if b.credit < 0 {
			return piece{wait: time.Duration(-b.credit/budget*float64(time.Second)) + time.Millisecond}
		}
	} else if now.After(b.rushUntil) && b.data.Len() > rushed && !b.hold {
		b.skip(rushed)
	}
	n, _ := b.data.Read(buf)
	b.credit -= float64(n)
	b.due -= n
	p := piece{data: buf[:n], skipped: b.skipped}
	if b.skipped {
		p.modes = b.modes.sequences()
		b.skipped, b.modes = false, modes{}
	}
	poke(b.room)
	return p
}

// charge takes the credit for n bytes that took longer to show than their number tells. A held child pays for its
// bytes alone: it waits for the emulator anyway.
func (b *backlog) charge(n int, spent time.Duration) {
	if b.hold {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.credit -= max(spent.Seconds()*price-float64(n), 0)
}

// rush lifts the budget: the child has ended, and somebody waits for the rest. The channel is closed when all is shown
// that was put before last.
func (b *backlog) rush() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rushUntil = time.Now().Add(rushFor)
	poke(b.room)
	poke(b.more)
	return b.shown
}

// last says that what is put from now on is not the child's any more. Lines that would only scroll away are skipped:
// somebody waits.
func (b *backlog) last() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ending, b.due = true, b.data.Len()
	if n := newest(b.data.Bytes(), scrollback+maxHeight); n < b.data.Len() && !b.hold {
		b.skip(n)
	}
	poke(b.more)
}
