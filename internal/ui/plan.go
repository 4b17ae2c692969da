package ui

import "example.com/nbdtui/internal/session"

// Sizes in cells.
const (
	minWidth, minHeight = 20, 3 // below it there is the badge alone
	minMain             = 6     // rows of the child's panel, below which it has no box and other panels have no room
	wideEnough          = 110   // for throughput and requests side by side, in boxes
	threeBoxes          = 190   // for the request mix beside them, and a histogram in theirs
	besideEnough        = 120   // for requests in flight and events beside the child, which keeps 80 columns
	uriRows             = 9     // of the panel that stands in the child's place where there is none
	longLabels          = 100   // for the state line's words in full
)

// plan says how many rows each panel gets. Nothing that changes while a session runs has a say in it, so no panel
// moves. Room is given by priority: child, coverage, clients, map, throughput with latencies, events; what is left is
// the child's.
type plan struct {
	coverage   int // rows of the bar; with borders where there are more than one
	chart      int // rows of the map; with borders where there are more than one
	throughput int // rows of throughput and requests
	boxes      bool
	mix        bool // the request mix is beside them
	clients    int  // rows with borders
	main       int  // rows of the child's panel, or of the URI's
	events     int  // rows of events below it
	beside     int  // columns of the boxes beside it
	flight     int  // rows of the upper one, requests in flight; the events have the others
}

// shape is what a plan depends on besides the size.
type shape struct {
	child  bool // there is one
	sized  bool // the export's size is known, so coverage means something
	inline bool // it is no screen but a strip
	whole  bool // the panel in the child's place has the whole screen
}

func shapeOf(s *session.Snapshot, v *view) shape {
	return shape{child: s.Child != nil, sized: s.Progress.Size > 0, inline: v.inline, whole: v.zoom && v.panel == panelChild}
}

func planFor(z size, s shape) plan {
	if s.inline {
		return inlinePlan(z, s)
	}
	p := plan{main: z.h - 2} // the state line and the footer
	if s.whole {
		return p
	}
	take := func(n, keep int) int {
		if p.main-n < keep {
			return 0
		}
		p.main -= n
		return n
	}
	if s.sized {
		p.coverage = take(1, 1)
	}
	if z.h < 44 {
		p.clients = take(5, minMain)
	} else {
		p.clients = take(8, minMain)
	}
	if s.sized {
		p.chart = take(chartRows(z.h), minMain)
	}
	p.boxes = z.w >= wideEnough && z.h >= 36
	p.mix = p.boxes && z.w >= threeBoxes
	switch {
	case p.boxes:
		p.throughput = take(boxRows(z.h), minMain)
	case z.h < 30:
		p.throughput = take(3, minMain)
	default:
		p.throughput = take(4, minMain)
	}
	if z.h >= 50 && p.coverage > 0 {
		p.coverage += take(2, minMain)
	}
	switch {
	case !s.child:
		p.events = take(max(p.main-uriRows, 2), minMain)
		if z.w >= besideEnough && p.main >= minMain {
			p.beside, p.flight = besideColumns(z.w), p.main
		}
	case z.w >= besideEnough && p.main >= minMain:
		p.beside = besideColumns(z.w)
		if p.main >= 2*minMain {
			p.flight = max(minMain, p.main*2/5)
		}
	case z.h < 30:
		p.events = take(2-min(p.chart, 1), minMain) // the map's row is the older event's
	default:
		p.events = take(min(3+(z.h-30)/3, 8), minMain)
	}
	return p
}

// chartRows is the height of the map on a screen of h rows.
func chartRows(h int) int {
	switch {
	case h < 24:
		return 0
	case h < 36:
		return 1
	case h < 44:
		return 4
	case h < 50:
		return 5
	}
	return 6 + min((h-50)/3, 8)
}

func besideColumns(w int) int { return max(38, min(w-82, w/3)) }

// boxRows is the height of the boxes of throughput and requests on a screen of h rows: two directions or kinds of
// request, four, all.
func boxRows(h int) int {
	switch {
	case h < 48:
		return 6
	case h < 56:
		return 8
	}
	return 12
}

// shows is true for panels that have a box on the screen.
func (p plan) shows(n panel) bool {
	switch n {
	case panelCoverage:
		return p.coverage > 1
	case panelMap:
		return p.chart > 1
	case panelThroughput, panelRequests:
		return p.boxes && p.throughput > 0
	case panelMix:
		return p.mix && p.throughput > 0
	case panelFlight:
		return p.flight > 0
	case panelClients:
		return p.clients > 0
	case panelChild:
		return p.main >= minMain
	default:
		return p.beside > 0 && p.main-p.flight >= minBox || p.events >= minBox
	}
}

// minBox is how many rows a panel has to have for borders to be worth their while.
const minBox = 5

// childSize is the size of the child's terminal on a screen of size z.
func childSize(z size, s shape) (w, h int) {
	if s.inline {
		return z.w, inlinePlan(z, s).main
	}
	if z.w < minWidth || z.h < minHeight {
		return 80, 24 // nothing of it is seen
	}
	p := planFor(z, s)
	if p.main < minMain {
		return z.w, max(p.main, minBox) // without a box; more than is seen, so that a line that ends stays for a while
	}
	return z.w - p.beside - 2, p.main - 2
}
