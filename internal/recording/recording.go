// Package recording writes what a dashboard shows to a file, and plays it again: a session's Snapshots, its child's
// Screen and the map of its export, as JSON, a line a moment. A line holds only what has changed since the one before.
// Below it stands session; it knows no screen, and a Player is to a dashboard what a session is.
package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// header is the first line.
type header struct {
	Recording string // always kind
	Version   int
}

const (
	kind    = "nbdtui"
	version = 1
)

// cells are how many the map is recorded in.
const cells = 2048

// moment is what was to be seen at one time.
type moment struct {
	snapshot session.Snapshot
	screen   captive.Screen
	stretch  []block.Stretch // the map, whole; nil where there is none
	left     []string        // the newest lines that have left the screen, up to its first one
}

// line is a moment as it is written: what differs from the one before.
type line struct {
	Snapshot map[string]json.RawMessage `json:",omitempty"` // its fields; of Events only the new ones
	Screen   *captive.Screen            `json:",omitempty"` // without its Lines
	Rows     map[int]string             `json:",omitempty"` // Lines of Screen, by their index
	Left     []string                   `json:",omitempty"` // the newest lines that have left it since, up to its first one
	Map      map[int]block.Stretch      `json:",omitempty"` // by their index among cells
}

// Of a Snapshot's events and of the lines that have left the screen, so many are kept; of those lines, so many are written
// at a time: a child that prints without end must not fill the disk.
const (
	maxEvents = 1000
	maxKept   = 10_000
	maxLeft   = 500
)

// delta is what of m differs from last, where fields are last's Snapshot's; it changes those to m's.
func delta(last, m *moment, fields map[string]json.RawMessage) (l line, err error) {
	s := m.snapshot
	if n := len(last.snapshot.Events); n > 0 {
		seen := last.snapshot.Events[n-1].Seq
		i, _ := slices.BinarySearchFunc(s.Events, seen+1, func(e session.Event, seq uint64) int { return int(e.Seq) - int(seq) })
		s.Events = s.Events[i:]
	}
	text, err := json.Marshal(&s)
	if err != nil {
		return l, err
	}
	var now map[string]json.RawMessage
	if err := json.Unmarshal(text, &now); err != nil {
		return l, err
	}
	if len(s.Events) == 0 {
		delete(now, "Events")
	}
	l.Snapshot = map[string]json.RawMessage{}
	for name, value := range now {
		if !bytes.Equal(value, fields[name]) || name == "Events" {
			l.Snapshot[name], fields[name] = value, value
		}
	}
	if m.screen.Version != last.screen.Version {
		screen := m.screen
		screen.Lines = nil
		l.Screen, l.Rows = &screen, changes(last.screen.Lines, m.screen.Lines)
	}
	l.Map = changes(last.stretch, m.stretch)
	return l, nil
}

// changes are the elements of now that differ from those of last; what it has not is zero.
func changes[T comparable](last, now []T) map[int]T {
	found := map[int]T{}
	for i, v := range now {
		var old T
		if i < len(last) {
			old = last[i]
		}
		if old != v {
			found[i] = v
		}
	}
	return found
}

// apply makes of last the moment that l is of. last is not changed, nor anything it refers to.
func (l *line) apply(last *moment, fields map[string]json.RawMessage) (m moment, err error) {
	m = *last
	for name, value := range l.Snapshot {
		fields[name] = value
	}
	delete(fields, "Events")
	text, err := json.Marshal(fields)
	if err != nil {
		return m, err
	}
	m.snapshot = session.Snapshot{}
	if err := json.Unmarshal(text, &m.snapshot); err != nil {
		return m, fmt.Errorf("read a snapshot: %w", err)
	}
	events := last.snapshot.Events
	if fresh, ok := l.Snapshot["Events"]; ok {
		var more []session.Event
		if err := json.Unmarshal(fresh, &more); err != nil {
			return m, fmt.Errorf("read events: %w", err)
		}
		events = append(slices.Clone(events), more...)
		events = events[max(len(events)-maxEvents, 0):]
	}
	m.snapshot.Events = events
	if l.Screen != nil {
		m.screen = *l.Screen
		m.screen.Lines, err = changed(last.screen.Lines, l.Rows, max(l.Screen.Height, 0))
		m.leave(last, l.Left)
	}
	if err == nil && m.snapshot.Size > 0 && (len(l.Map) > 0 || m.stretch == nil) {
		m.stretch, err = changed(last.stretch, l.Map, cells)
	}
	return m, err
}

// leave adds lines that have left the screen to those of last. Where some between them are missing, older ones are none.
func (m *moment) leave(last *moment, lines []string) {
	n := min(uint64(len(lines)), m.screen.Above)
	if m.screen.Run != last.screen.Run || m.screen.Above-n != last.screen.Above {
		m.left = nil
	}
	m.left = append(m.left, lines[uint64(len(lines))-n:]...)
	m.left = m.left[max(len(m.left)-maxKept, 0):]
	m.screen.Oldest = max(m.screen.Oldest, m.screen.Above-uint64(len(m.left))) // none while a full-screen program has it
}

// changed is old with other elements in it, n in all.
func changed[T any](old []T, with map[int]T, n int) ([]T, error) {
	if n > 1<<16 {
		return nil, fmt.Errorf("read a moment: %d is too much of anything", n)
	}
	list := make([]T, n)
	copy(list, old)
	for i, v := range with {
		if i < 0 || i >= n {
			return nil, fmt.Errorf("read a moment: there is no number %d", i)
		}
		list[i] = v
	}
	return list, nil
}
