package block

import "sync/atomic"

// habits are how a client asks: how much at once, and whether one request begins where the one before it ended. The
// reader of its connection alone writes them.
type habits struct {
	reads, writes habit
	at            atomic.Uint64 // where the last read or write ended
}

type habit struct {
	sizes      [SizeClasses]atomic.Uint64
	sequential atomic.Uint64
	next       uint64 // the end of the one before
}

// SizeClasses are those of requests: up to 4 KiB, 16 KiB and so on by 4 to 4 MiB; the last one has all that are larger.
const SizeClasses = 7

// SizeLimit is the most that a request of a class is long; the last class has no limit.
func SizeLimit(class int) uint64 { return 4096 << (2 * class) }

func sizeClass(n uint64) int {
	class := 0
	for class < SizeClasses-1 && n > SizeLimit(class) {
		class++
	}
	return class
}

// Asked notes a request as it comes in. Only reads and writes have habits.
func (c *Counters) Asked(r *Request) {
	h := &c.reads
	switch r.Cmd {
	case Read:
	case Write:
		h = &c.writes
	default:
		return
	}
	if r.Offset == h.next {
		h.sequential.Add(1)
	}
	h.next = r.Offset + r.Length
	h.sizes[sizeClass(r.Length)].Add(1)
	c.at.Store(h.next)
}

// At is where the client's last read or write ended.
func (c *Counters) At() uint64 { return c.at.Load() }

// Habit is how reads, or writes, were asked for.
type Habit struct {
	Sizes      [SizeClasses]uint64 // requests by how long they are
	Sequential uint64              // began where the client's one before ended
}

// Requests is how many there were.
func (h *Habit) Requests() (sum uint64) {
	for _, n := range h.Sizes {
		sum += n
	}
	return sum
}

// Habits are those of a client, or the sum of several.
type Habits struct{ Reads, Writes Habit }

// Habits adds what was noted up to now to sum.
func (c *Counters) Habits(sum *Habits) {
	for _, way := range [...]struct {
		from *habit
		to   *Habit
	}{{&c.reads, &sum.Reads}, {&c.writes, &sum.Writes}} {
		for i := range way.to.Sizes {
			way.to.Sizes[i] += way.from.sizes[i].Load()
		}
		way.to.Sequential += way.from.sequential.Load()
	}
}

// Sub takes m, an earlier sum, from h.
func (h *Habits) Sub(m *Habits) {
	for _, way := range [...]struct{ from, to *Habit }{{&m.Reads, &h.Reads}, {&m.Writes, &h.Writes}} {
		for i := range way.to.Sizes {
			way.to.Sizes[i] -= way.from.Sizes[i]
		}
		way.to.Sequential -= way.from.Sequential
	}
}
