package ui

import (
	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// view is what the person at the dashboard has chosen to look at. It never leaves the dashboard.
type view struct {
	typing   bool   // the child has the keyboard
	panel    panel  // what keys are about, besides those that mean the same everywhere
	zoom     bool   // panel has the whole screen
	selected uint64 // id of a client; 0 for the first
	event    uint64 // Seq of the last event in sight; 0 for the newest, whichever that is
	ask      ask
	asked    uint64 // the client that ask is about
	help     int    // the page that is shown, from 1 on; 0 for none
	back     scrollback
	mouse    bool   // it was turned on
	inline   bool   // there is a strip instead of panels
	replay   string // what is shown is over: keys only look at it
	said     string // what the last key did, where nothing else shows it
	filter   filter
	chart    chart
	knobs    knobs
}

// panel is one of the dashboard's, numbered as they stand on the screen.
type panel uint8

const (
	noPanel panel = iota
	panelCoverage
	panelMap
	panelThroughput
	panelRequests
	panelMix
	panelClients
	panelChild
	panelFlight
	panelEvents

	panels = int(panelEvents) // besides noPanel
)

// chart is the part of the export that the map shows.
type chart struct {
	from, length uint64          // bytes; all of the export where length is 0
	cursor       uint64          // offset of a byte in the cell that has the cursor
	cells        []block.Stretch // what the session knows of it
}

// filter is what the events in sight contain.
type filter struct {
	text   string
	typing bool // it is being typed
}

// knobs is the panel that steers.
type knobs struct {
	open    bool
	chosen  int
	editing bool
	value   string // being typed
	refused string // why the last one was not taken
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

// holds is true for the panel that has the keyboard, or that keys are about.
func (v *view) holds(p panel) bool {
	if v.typing {
		return p == panelChild
	}
	return p == v.panel
}

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
func (v *view) chosen(s *session.Snapshot) (c session.Client, index int, ok bool) {
	for i, c := range s.Clients {
		if c.ID >= v.selected || i == len(s.Clients)-1 {
			return c, i, true
		}
	}
	return session.Client{}, 0, false
}
