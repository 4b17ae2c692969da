package ui

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// fake is a session in memory: it shows what it is told to, and notes what it is asked for.
type fake struct {
	changed chan struct{}
	done    chan struct{}

	mu       sync.Mutex
	snapshot session.Snapshot
	screen   captive.Screen
	printed  []string // what has left the screen
	verbs    []string
	typed    []byte
	looks    int    // how often somebody asked for the Snapshot
	asked    survey // what part of the map somebody asked for last
	surveys  int    // and how often
}

func newFake(s session.Snapshot) *fake {
	return &fake{changed: make(chan struct{}, 1), done: make(chan struct{}), snapshot: s}
}

func (f *fake) Snapshot() session.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	return f.snapshot
}

func (f *fake) Screen() captive.Screen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.screen
}

// Page is of what was printed, and of the screen.
func (f *fake) Page(from uint64, n int) captive.Page {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := append(slices.Clone(f.printed), f.screen.Lines...)
	from = min(max(from, f.screen.Oldest), uint64(len(lines)))
	return captive.Page{First: from, Lines: lines[from:min(from+uint64(n), uint64(len(lines)))]}
}

// set changes what is shown, and tells.
func (f *fake) set(change func(s *session.Snapshot, c *captive.Screen)) {
	f.mu.Lock()
	change(&f.snapshot, &f.screen)
	f.screen.Version++
	f.mu.Unlock()
	f.tell()
}

func (f *fake) tell() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.verbs = append(f.verbs, fmt.Sprintf(format, args...))
}

// took returns the verbs since the last call.
func (f *fake) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := slices.Clone(f.verbs)
	f.verbs = nil
	return v
}

func (f *fake) Pause()                           { f.note("pause") }
func (f *fake) Resume()                          { f.note("resume") }
func (f *fake) Disconnect(id uint64, force bool) { f.note("disconnect %d %v", id, force) }
func (f *fake) Shutdown(session.Reason, string)  { f.note("shutdown") }
func (f *fake) Rerun()                           { f.note("rerun") }
func (f *fake) Resize(w, h int)                  { f.note("resize %dx%d", w, h) }
func (f *fake) Save()                            { f.note("save") }
func (f *fake) Tune(layer, name, value string) error {
	f.note("tune %s %s %s", layer, name, value)
	if value == "bad" {
		return errors.New("bad: no such rate")
	}
	return nil
}

// Map knows of a copy that has come to the middle.
func (f *fake) Map(off, n uint64, cells int) []block.Stretch {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.surveys = survey{from: off, length: n, cells: cells}, f.surveys+1
	return chartOf(cells, f.snapshot.Progress)
}

func (f *fake) Changed() <-chan struct{} { return f.changed }
func (f *fake) Done() <-chan struct{}    { return f.done }
func (f *fake) Type(p []byte) {
	f.mu.Lock()
	f.typed = append(f.typed, p...)
	f.mu.Unlock()
	f.tell()
}
