// Package ui is the dashboard: it draws a session's Snapshot and its child's Screen, and turns keys into the
// session's verbs. It is the only package under which Bubble Tea is imported, and app.go its only file that does.
// Below it stands session; above it main.
package ui

import (
	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// Session is what the dashboard needs of a session, which may be in another process. No method blocks, and all may be
// called concurrently.
type Session interface {
	Snapshot() session.Snapshot // the newest
	Screen() captive.Screen     // the child's terminal; zero without one
	// Page is up to n lines of the child's output from a number on, or from the oldest that is kept.
	Page(from uint64, n int) captive.Page

	// Map is what is known of n bytes of the export from off on, in so many cells; nil where nothing is.
	Map(off, n uint64, cells int) []block.Stretch

	// The verbs. What they did shows in the Snapshot.
	Pause()
	Resume()
	Disconnect(id uint64, force bool)
	Shutdown(r session.Reason, why string) // asked for again it ends the grace at hand
	Rerun()                                // the command once more; nothing where it runs still
	Resize(w, h int)                       // cells of the child's terminal; the first call lets the child start
	Type(p []byte)                         // keys for the child, as they are
	Tune(layer, name, value string) error  // a knob; what was refused has changed nothing
	Save()                                 // the Snapshot, to a file that an event names

	Changed() <-chan struct{} // has a value when there is a new Snapshot or Screen
	Done() <-chan struct{}    // closed when the session is over
}
