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

// area is a rectangle of cells on the screen.
type area struct{ x, y, w, h int }

func (a area) has(x, y int) bool { return x >= a.x && x < a.x+a.w && y >= a.y && y < a.y+a.h }

// spot is where a panel stands. With borders it can have the focus.
type spot struct {
	area
	boxed bool
}

// inside is a spot without its borders.
func (p spot) inside() area {
	if p.boxed {
		return area{p.x + 1, p.y + 1, p.w - 2, p.h - 2}
	}
	return p.area
}

// cut gives n columns at a spot's right end to another.
func (p *spot) cut(n int) spot {
	right := *p
	p.w -= n
	right.x, right.w = right.x+p.w, n
	return right
}

// plan says where each panel stands; those that there is no room for are empty. The URI has the child's place where there
// is none. Nothing that changes while a session runs has a say in it, so no panel moves. Room is given by priority: child,
// coverage, clients, map, throughput with latencies, events; what is left is the child's.
type plan [panels + 1]spot

// shape is what a plan depends on besides the size.
type shape struct {
	child  bool  // there is one
	sized  bool  // the export's size is known, so coverage means something
	inline bool  // it is no screen but a strip
	zoomed panel // has the whole screen
}

func shapeOf(s *session.Snapshot, v *view) shape {
	sh := shape{child: s.Child != nil, sized: s.Progress.Size > 0, inline: v.inline}
	if v.zoom {
		sh.zoomed = v.panel
	}
	return sh
}

func planFor(z size, s shape) (p plan) {
	main := z.h - 2 // between the state line and the footer
	switch {
	case s.inline:
		return inlinePlan(z, s)
	case z.w < minWidth || z.h < minHeight:
		return p
	case s.zoomed != noPanel:
		p[s.zoomed] = spot{area{0, 1, z.w, main}, s.zoomed != panelChild || main >= minMain}
		return p
	}
	take := func(n, keep int) int {
		if main-n < keep {
			return 0
		}
		main -= n
		return n
	}
	var coverage, chart, throughput, events, beside, flight int
	if s.sized {
		coverage = take(1, 1)
	}
	clients := take(clientRows(z.h), minMain)
	if s.sized {
		chart = take(chartRows(z.h), minMain)
	}
	boxes := z.w >= wideEnough && z.h >= 36
	switch {
	case boxes:
		throughput = take(boxRows(z.h), minMain)
	case z.h < 30:
		throughput = take(3, minMain)
	default:
		throughput = take(4, minMain)
	}
	if z.h >= 50 && coverage > 0 {
		coverage += take(2, minMain)
	}
	switch {
	case !s.child:
		events = take(max(main-uriRows, 2), minMain)
		if z.w >= besideEnough && main >= minMain {
			beside, flight = besideColumns(z.w), main
		}
	case z.w >= besideEnough && main >= minMain:
		beside = besideColumns(z.w)
		if main >= 2*minMain {
			flight = max(minMain, main*2/5)
		}
	case z.h < 30:
		events = take(2-min(chart, 1), minMain) // the map's row is the older event's
	default:
		events = take(min(3+(z.h-30)/3, 8), minMain)
	}

	y := 1
	put := func(n panel, h int, boxed bool) {
		p[n] = spot{area{0, y, z.w, h}, boxed && h > 0}
		y += h
	}
	put(panelCoverage, coverage, coverage > 1)
	put(panelMap, chart, chart > 1)
	put(panelThroughput, throughput, boxes)
	put(panelClients, clients, true)
	put(panelChild, main, main >= minMain)
	put(panelEvents, events, events >= minBox)
	switch throughput := &p[panelThroughput]; {
	case boxes && z.w >= threeBoxes:
		p[panelMix] = throughput.cut(42)
		p[panelRequests] = throughput.cut(94)
	case boxes:
		p[panelRequests] = throughput.cut(z.w - z.w/2)
	}
	if beside > 0 {
		right := p[panelChild].cut(beside)
		if events == 0 {
			p[panelEvents] = right
			p[panelEvents].y += flight
			p[panelEvents].h -= flight
		}
		if flight > 0 {
			p[panelFlight] = right
			p[panelFlight].h = flight
		}
	}
	return p
}

// clientRows is the height of the clients' table on a screen of h rows.
func clientRows(h int) int {
	if h < 44 {
		return 5
	}
	return 8
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

// minBox is how many rows a panel has to have for borders to be worth their while.
const minBox = 5

// childSize is the size of the child's terminal on a screen of size z.
func childSize(z size, s shape) (w, h int) {
	if !s.inline && (z.w < minWidth || z.h < minHeight) {
		return 80, 24 // nothing of it is seen
	}
	if s.zoomed != panelChild {
		s.zoomed = noPanel // it comes back to where it was
	}
	at := planFor(z, s)[panelChild]
	in := at.inside()
	if !at.boxed && !s.inline {
		in.h = max(in.h, minBox) // more than is seen, so that a line that ends stays for a while
	}
	return in.w, in.h
}
