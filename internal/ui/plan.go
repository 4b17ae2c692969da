package ui

// Sizes in cells.
const (
	minWidth, minHeight = 20, 3 // below it there is the badge alone
	minMain             = 6     // rows that the child's panel keeps before other panels get any
	wideEnough          = 110   // for throughput and requests side by side, in boxes
	threeBoxes          = 186   // for reading and writing in boxes of their own
	besideEnough        = 120   // for events beside the child, which keeps 80 columns
	uriRows             = 9     // of the panel that stands in the child's place where there is none
	longLabels          = 100   // for the state line's words in full
)

// plan says how many rows each panel gets. It depends on the size and on whether there is a child, so nothing moves
// while a session runs. Room is given by priority: child, clients, throughput, events.
type plan struct {
	main       int // rows of the child's panel, or of the URI's
	clients    int // rows of the clients' panel with its borders; 0 for none
	throughput int // rows of throughput and requests; 0 for none
	charts     int // rows of a chart in boxes; 0 where there are no boxes
	events     int // rows of events on their own; 0 for none
	beside     int // columns of the events' box beside the child; 0 for none
}

func planFor(z size, captive bool) plan {
	p := plan{main: z.h - 2} // the state line and the footer
	take := func(n int) int {
		if p.main-n < minMain {
			return 0
		}
		p.main -= n
		return n
	}
	switch {
	case z.h < 30:
		p.clients = take(5)
	case z.h < 44:
		p.clients = take(6)
	default:
		p.clients = take(8)
	}
	if z.w >= wideEnough && z.h >= 36 {
		p.charts = min(1+(z.h-36)/14, 3)
		p.throughput = take(4 + 2*p.charts)
	} else {
		p.throughput = take(3)
	}
	switch {
	case !captive:
		p.events = take(max(p.main-uriRows, 2))
	case z.w >= besideEnough:
		p.beside = max(38, min(z.w-82, z.w/3))
	case z.h < 30:
		p.events = take(2)
	default:
		p.events = take(min(3+(z.h-30)/3, 8))
	}
	return p
}

// childSize is the size of the child's terminal on a screen of size z.
func childSize(z size) (w, h int) {
	if z.w < minWidth || z.h < minHeight {
		return 80, 24 // nothing of it is seen
	}
	p := planFor(z, true)
	if p.main < 3 {
		return z.w, p.main // without a box
	}
	return z.w - p.beside - 2, p.main - 2
}
