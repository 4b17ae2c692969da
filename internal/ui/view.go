package ui

import "example.com/nbdtui/internal/session"

// view is what the person at the dashboard has chosen to look at. It never leaves the dashboard.
type view struct {
	focus    bool   // the child has the keyboard
	selected uint64 // id of a client; 0 for the first
	ask      ask
	asked    uint64 // the client that ask is about
	help     bool
}

// ask is the question in the footer.
type ask uint8

const (
	askNothing ask = iota
	askQuit
	askSoft  // disconnect a client that has requests
	askForce // disconnect a client at once
)

// size is of a screen, in cells.
type size struct{ w, h int }

// client finds a client by its id; one that has gone is zero.
func client(s *session.Snapshot, id uint64) session.Client {
	for _, c := range s.Clients {
		if c.ID == id {
			return c
		}
	}
	return session.Client{}
}

// chosen is the client that keys are about: the selected one, the one next to it where it has left.
func (v view) chosen(s *session.Snapshot) (c session.Client, index int, ok bool) {
	for i, c := range s.Clients {
		if c.ID >= v.selected || i == len(s.Clients)-1 {
			return c, i, true
		}
	}
	return session.Client{}, 0, false
}
