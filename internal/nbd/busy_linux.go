package nbd

import (
	"runtime"
	"sync/atomic"
	"time"
)

// busyTime is for how long a client that asked for something is a busy one, at least; at most it is twice that.
const busyTime = int64(10 * time.Millisecond)

var (
	processors     = int64(runtime.NumCPU())
	halfProcessors = max(1, processors/2)
	// crowd is how many busy clients may have a thread each. For more of them one poller is faster: it is still awake
	// when the next one asks.
	crowd = 2 * processors
)

// busy counts the busy clients of the process, in one stretch of busyTime after the other. One that asks while the next
// stretch begins may be missed.
var busy struct{ stretch, now, before atomic.Int64 }

// attendance is the stretch in which a client was counted last.
type attendance int64

// note counts a client that has just asked for something. The clock is block.Clock's.
func (a *attendance) note(clock int64) {
	stretch := clock / busyTime
	if attendance(stretch) == *a {
		return
	}
	*a = attendance(stretch)
	if last := busy.stretch.Load(); last < stretch && busy.stretch.CompareAndSwap(last, stretch) {
		n := busy.now.Swap(0)
		if stretch != last+1 {
			n = 0
		}
		busy.before.Store(n)
	}
	busy.now.Add(1)
}

func busyClients() int64 { return max(busy.now.Load(), busy.before.Load()) }

// crowded reports whether there are too many busy clients for a thread each.
func crowded() bool { return busyClients() > crowd }

// spare reports whether there is likely a processor for more than a reader for each busy client: the clients need some
// too.
func spare() bool { return busyClients() <= halfProcessors }
