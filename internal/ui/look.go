package ui

// look does what keys do to the view alone.
func (b *board) look(k key) {
	v := &b.view
	if v.panel == panelChild && b.childKey(k) || v.panel == panelMap && b.roam(k) {
		return
	}
	switch k {
	case "tab":
		b.turn(+1)
	case "shift+tab":
		b.turn(-1)
	case "1", "2", "3", "4", "5", "6", "7", "8", "9":
		if p := panel(k[0] - '0'); b.has(p) {
			v.panel = p
			v.zoom = v.zoom || !b.plan()[p].boxed
		}
	case "z":
		b.zoom()
	case "enter":
		switch {
		case v.panel == panelMap && v.zoom:
			b.magnify(zoomStep)
		case v.panel != noPanel && !v.zoom:
			b.zoom()
		}
	case "esc":
		b.back()
	case "/":
		b.filterEvents()
	case "up", "k":
		b.move(-1)
	case "down", "j":
		b.move(+1)
	case "pgup":
		b.move(-b.page())
	case "pgdown":
		b.move(+b.page())
	case "home", "g":
		b.move(-all)
	case "end", "G":
		b.move(+all)
	}
}

// back goes one step: out of the part of the map, off the filter, out of the zoom, off the panel.
func (b *board) back() {
	v := &b.view
	switch {
	case v.panel == panelMap && v.chart.length > 0:
		v.chart.length = 0
	case v.panel == panelEvents && v.filter.text != "":
		v.filter.text = ""
	case v.zoom:
		v.zoom = false
	default:
		v.panel, v.event = noPanel, 0
	}
}

// all is farther than any list is long.
const all = 1 << 30

// has is true for panels that there is something to see in.
func (b *board) has(p panel) bool {
	switch p {
	case panelCoverage, panelMap:
		return b.snapshot.Progress.Size > 0
	case panelChild:
		return b.snapshot.Child != nil
	}
	return true
}

// turn moves the focus to the next panel or the previous one: of those on the screen, or, while one has all of it, of
// all there are.
func (b *board) turn(by int) {
	v, plan := &b.view, b.plan()
	at := int(v.panel) - 1
	if v.panel == noPanel && by < 0 {
		at = panels
	}
	for range panels {
		at = (at + by + panels) % panels
		if p := panel(at + 1); b.has(p) && (v.zoom || plan[p].boxed) {
			v.panel = p
			return
		}
	}
}

// zoom gives the focused panel the whole screen, the child's or the clients' where none is focused; or takes it away.
func (b *board) zoom() {
	v := &b.view
	v.zoom = !v.zoom
	if v.zoom && v.panel == noPanel {
		v.panel = panelClients
		if b.has(panelChild) {
			v.panel = panelChild
		}
	}
}

// move scrolls the events where they have the focus, and moves the selection among the clients everywhere else.
func (b *board) move(by int) {
	if b.view.panel == panelEvents {
		b.scroll(by)
		return
	}
	if _, at, ok := b.view.chosen(&b.snapshot); ok {
		at = min(max(at+by, 0), len(b.snapshot.Clients)-1)
		b.view.selected = b.snapshot.Clients[at].ID
	}
}

// scroll moves the events. Those that come leave older ones where they are; at the end the newest are followed again.
func (b *board) scroll(by int) {
	d := drawing{s: &b.snapshot, view: &b.view, theme: b.theme}
	in := b.plan()[panelEvents].inside()
	events := d.events()
	newest := len(events) - 1
	at := max(d.lastEvent()+by, d.firstPage(in.w, in.h))
	if at >= newest {
		b.view.event = 0
		return
	}
	b.view.event = events[at].Seq
}

// page is how many rows of a list are in sight.
func (b *board) page() int {
	p := b.plan()
	rows := p[panelClients].inside().h - 1
	if b.view.panel == panelEvents {
		rows = p[panelEvents].inside().h
	}
	return max(rows-1, 1)
}
