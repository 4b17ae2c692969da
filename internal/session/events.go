package session

import (
	"fmt"
	"sync"
	"time"
)

// maxEvents is how many events are kept.
const maxEvents = 1000

// log keeps the newest events. Adding one blocks on nobody who reads them.
type log struct {
	mu    sync.Mutex
	ring  []Event // a circle once it is full; next is the oldest then
	next  int
	seq   uint64
	taken []Event // what list gave out last, still true while upTo is seq
	upTo  uint64

	more chan struct{} // there is something to tell; nil where nobody is told
	over chan struct{} // closed when the session is
	told chan struct{} // closed when all until then was told
	late func(Event)   // is told at once what comes after that; nil before
}

func (l *log) add(level Level, format string, args ...any) {
	if e, late := l.keep(level, fmt.Sprintf(format, args...)); late != nil {
		late(e)
	}
}

func (l *log) keep(level Level, text string) (e Event, late func(Event)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e = Event{Seq: l.seq, Time: time.Now(), Level: level, Text: text}
	if len(l.ring) < maxEvents {
		l.ring = append(l.ring, e)
	} else {
		l.ring[l.next] = e
		l.next = (l.next + 1) % maxEvents
	}
	select {
	case l.more <- struct{}{}:
	default:
	}
	return e, l.late
}

// list is the events, oldest first; the same slice until there is a new one.
func (l *log) list() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listLocked()
}

func (l *log) listLocked() []Event {
	if l.upTo != l.seq {
		l.taken = append(append(make([]Event, 0, len(l.ring)), l.ring[l.next:]...), l.ring[:l.next]...)
		l.upTo = l.seq
	}
	return l.taken
}

// start has each event told, in order, until stop. Who is told may be slow, and then misses the oldest of more than
// maxEvents: a terminal or pipe that takes nothing stops no request and no shutdown.
func (l *log) start(tell func(Event)) {
	if tell == nil {
		return
	}
	l.more, l.over, l.told = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go func() { // stop waits for it
		defer close(l.told)
		seq := uint64(0)
		for open := true; open; {
			var list []Event
			select {
			case <-l.more:
				list = l.list()
			case <-l.over:
				open, list = false, l.last(tell)
			}
			for _, e := range list {
				if e.Seq > seq {
					seq = e.Seq
					tell(e)
				}
			}
		}
	}()
}

// last is list, and has what comes later told at once.
func (l *log) last(tell func(Event)) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = tell
	return l.listLocked()
}

// tellTime is how long the end of a session waits for who is told.
const tellTime = 2 * time.Second

// stop waits until all was told.
func (l *log) stop() {
	if l.more == nil {
		return
	}
	close(l.over)
	select {
	case <-l.told:
	case <-time.After(tellTime):
	}
}
