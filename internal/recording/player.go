package recording

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// maxLine is the longest line that is read.
const maxLine = 64 << 20

// Player shows a recording as a session shows itself. Its verbs do nothing, but for Pause and Resume, which stop it and
// let it go on, and Shutdown, which ends it. Its methods may be called concurrently.
type Player struct {
	speed   float64
	lines   *bufio.Scanner
	fields  map[string]json.RawMessage
	changed chan struct{}
	stop    chan struct{} // closed by Shutdown
	done    chan struct{} // closed when nothing plays any more
	once    sync.Once

	mu      sync.Mutex
	now     moment
	stopped bool
	moved   chan struct{} // stopped has changed
}

// Play begins to play a recording, so many times as fast as it was. Read it no more until Done is closed.
func Play(r io.Reader, speed float64) (*Player, error) {
	p := &Player{
		speed: speed, lines: bufio.NewScanner(r), fields: map[string]json.RawMessage{},
		changed: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), moved: make(chan struct{}, 1),
	}
	p.lines.Buffer(nil, maxLine)
	var h header
	if !p.lines.Scan() || json.Unmarshal(p.lines.Bytes(), &h) != nil || h.Recording != kind {
		return nil, errors.New("this is no recording of nbdtui's")
	}
	if h.Version != version {
		return nil, fmt.Errorf("the recording is of version %d, and this program reads version %d", h.Version, version)
	}
	first, err := p.next()
	if err != nil {
		return nil, fmt.Errorf("the recording is empty: %w", err)
	}
	p.now = first
	go p.play() // ended by Shutdown, and waited for with Done
	return p, nil
}

// next reads a moment. The last line of a recording that was cut off may be part of one.
func (p *Player) next() (moment, error) {
	if !p.lines.Scan() {
		if err := p.lines.Err(); err != nil {
			return moment{}, err
		}
		return moment{}, io.EOF
	}
	var l line
	if err := json.Unmarshal(p.lines.Bytes(), &l); err != nil {
		return moment{}, fmt.Errorf("read the recording: %w", err)
	}
	return l.apply(&p.now, p.fields)
}

// play shows moment after moment, and the last one until somebody has seen enough.
func (p *Player) play() {
	defer close(p.done)
	for p.more() {
	}
	<-p.stop
}

// more shows the next moment when it is time; it reports whether there was one.
func (p *Player) more() bool {
	next, err := p.next()
	if err == nil {
		if p.wait(next.snapshot.Time.Sub(p.now.snapshot.Time)) {
			p.show(next)
			return true
		}
		return false
	}
	end := p.now
	end.snapshot.Events = append(end.snapshot.Events[:len(end.snapshot.Events):len(end.snapshot.Events)], lastEvent(&end.snapshot, err))
	p.show(end)
	return false
}

// lastEvent says why nothing more is shown.
func lastEvent(s *session.Snapshot, err error) session.Event {
	e := session.Event{Seq: 1, Time: s.Time, Text: "the recording ends here"}
	if n := len(s.Events); n > 0 {
		e.Seq = s.Events[n-1].Seq + 1
	}
	if err != io.EOF {
		e.Level, e.Text = session.Warning, e.Text+": "+err.Error()
	}
	return e
}

func (p *Player) show(m moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = m
	poke(p.changed)
}

// wait lets so much of the recording's time pass; it reports whether to go on.
func (p *Player) wait(d time.Duration) bool {
	left := time.Duration(float64(max(d, 0)) / p.speed)
	for {
		var timer <-chan time.Time
		start := time.Now()
		if !p.isStopped() {
			timer = time.After(left)
		}
		select {
		case <-timer:
			return true
		case <-p.moved:
			if timer != nil {
				left -= time.Since(start)
			}
		case <-p.stop:
			return false
		}
	}
}

func (p *Player) isStopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

func (p *Player) setStopped(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = on
	poke(p.moved)
}

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Snapshot is the session's at the moment that is shown.
func (p *Player) Snapshot() session.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now.snapshot
}

// Screen is the child's.
func (p *Player) Screen() captive.Screen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now.screen
}

// Page is of what is on the child's screen and has left it.
func (p *Player) Page(from uint64, n int) captive.Page {
	p.mu.Lock()
	s, left := p.now.screen, p.now.left
	p.mu.Unlock()
	end := s.Above + uint64(len(s.Lines))
	page := captive.Page{First: min(max(from, s.Oldest), end)}
	for at := page.First; at < min(page.First+uint64(max(n, 0)), end); at++ {
		if at < s.Above {
			page.Lines = append(page.Lines, left[uint64(len(left))-(s.Above-at)])
		} else {
			page.Lines = append(page.Lines, s.Lines[at-s.Above])
		}
	}
	return page
}

// Map is the export's, in no smaller cells than it was recorded in.
func (p *Player) Map(off, n uint64, cells int) []block.Stretch {
	p.mu.Lock()
	recorded, size := p.now.stretch, p.now.snapshot.Size
	p.mu.Unlock()
	off = min(off, size)
	n = min(n, size-off)
	if len(recorded) == 0 || n == 0 || cells <= 0 {
		return nil
	}
	list := make([]block.Stretch, cells)
	scale, step := float64(len(recorded))/float64(size), float64(n)/float64(cells)
	for i := range list {
		from := float64(off) + step*float64(i)
		first := min(int(from*scale), len(recorded)-1)
		last := max(min(int(math.Ceil((from+step)*scale)), len(recorded))-1, first)
		list[i] = recorded[first]
		for _, more := range recorded[first+1 : last+1] {
			list[i].Add(more)
		}
	}
	return list
}

// Pause stops the clock.
func (p *Player) Pause() { p.setStopped(true) }

// Resume lets it go on.
func (p *Player) Resume() { p.setStopped(false) }

// Shutdown ends it.
func (p *Player) Shutdown(session.Reason, string) { p.once.Do(func() { close(p.stop) }) }

// Changed has a value when there is something new to see.
func (p *Player) Changed() <-chan struct{} { return p.changed }

// Done is closed when the player has ended.
func (p *Player) Done() <-chan struct{} { return p.done }

// What is over cannot be changed.

func (p *Player) Disconnect(uint64, bool)           {}
func (p *Player) Rerun()                            {}
func (p *Player) Resize(int, int)                   {}
func (p *Player) Type([]byte)                       {}
func (p *Player) Tune(string, string, string) error { return errors.New("this is a recording") }
func (p *Player) Save()                             {}
