package session

import (
	"fmt"
	"sync"
	"time"
)

// maxEvents is how many events are kept.
const maxEvents = 1000

// log keeps the newest events. Adding one never blocks on a reader.
type log struct {
	mu    sync.Mutex
	ring  []Event // a circle once it is full; next is the oldest then
	next  int
	seq   uint64
	taken []Event // what list gave out last, still true while upTo is seq
	upTo  uint64
	tell  func(Event) // also told each event, in order; nil for nobody
}

func (l *log) add(level Level, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e := Event{Seq: l.seq, Time: time.Now(), Level: level, Text: fmt.Sprintf(format, args...)}
	if len(l.ring) < maxEvents {
		l.ring = append(l.ring, e)
	} else {
		l.ring[l.next] = e
		l.next = (l.next + 1) % maxEvents
	}
	if l.tell != nil {
		l.tell(e)
	}
}

// list is the events, oldest first; the same slice until there is a new one.
func (l *log) list() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.upTo != l.seq {
		l.taken = append(append(make([]Event, 0, len(l.ring)), l.ring[l.next:]...), l.ring[:l.next]...)
		l.upTo = l.seq
	}
	return l.taken
}
