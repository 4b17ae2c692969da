package ui

import (
	"fmt"
	"strings"
)

// part is one word group of the state line.
type part struct {
	role     role
	text     string
	cells    int  // it takes at least so many, so that the next one stands still
	priority int  // where there is not room for all, the lowest numbers stay
	right    bool // it stands at the line's right end
}

// badgeLine is the badge alone.
func (d *drawing) badgeLine() string {
	r, word, _ := badge(d.s)
	return d.theme.line(d.size.w).text(r, word).String()
}

// stateLine is the first line: the badge, what is served, and how much goes on.
func (d *drawing) stateLine() string {
	const gap = 2
	r, word, rest := badge(d.s)
	room := d.size.w - width(word)
	if len(rest)+gap > room {
		rest, _, _ = strings.Cut(rest, ", ") // what matters most
	}
	parts := d.parts(rest)
	if trouble, oldest := d.trouble(); oldest != "" && rest == "" {
		if len(oldest)+gap > room {
			oldest = strings.Join(strings.Fields(oldest)[:2], " ") // the word alone
		}
		parts[0].role, parts[0].text = trouble, oldest
	}
	for priority := 0; priority < len(parts); priority++ {
		for i := range parts {
			p := &parts[i]
			if p.priority == priority && p.text != "" {
				if p.cells = max(p.cells, width(p.text)); p.cells+gap > room {
					p.text = ""         // and shorter ones may still fit
					if p == &parts[1] { // but not the size and the mode of nobody knows what
						parts[2].text, parts[3].text = "", ""
					}
				} else {
					room -= p.cells + gap
				}
			}
		}
	}
	l := d.theme.line(d.size.w).text(r, word)
	for _, p := range parts {
		if p.right && room > 0 {
			l.space(room)
			room = 0
		}
		if p.text != "" {
			l.space(gap).left(p.role, p.cells, p.text)
		}
	}
	return l.String()
}

// trouble is the oldest request in flight where that is slow, whatever panels are in sight.
func (d *drawing) trouble() (role, string) {
	switch {
	case d.s.Oldest >= stuckAfter:
		return failure, "! STUCK " + age(d.s.Oldest)
	case d.s.Oldest >= slowAfter:
		return warning, "* SLOW " + age(d.s.Oldest)
	}
	return plain, ""
}

func (d *drawing) parts(rest string) []part {
	clients, inFlight, heldBack := "clients", "in flight", "held"
	if d.size.w < longLabels {
		clients, inFlight = "cl", "fl"
	}
	size, mode, faults := "", "rw", ""
	if d.s.Faults {
		faults = "FAULTS"
	}
	if d.s.Size > 0 {
		size = bytesText(float64(d.s.Size))
	}
	if d.s.ReadOnly {
		mode = "ro"
	}
	uri := d.theme.clean(d.s.URI)
	if d.s.Child == nil {
		uri = "" // it has a panel of its own
	}
	number := func(word string, n, digits int) part {
		return part{text: fmt.Sprintf("%s %d", word, n), cells: len(word) + 1 + digits}
	}
	parts := []part{
		{role: strong, text: rest},
		{role: strong, text: d.theme.cut(d.theme.clean(d.s.Source), max(d.size.w/4, 8))},
		{text: size},
		{text: mode},
		{role: warning, text: faults},
		{text: uri},
		number(clients, len(d.s.Clients), 2),
		number(inFlight, d.s.InFlight, 3),
		number(heldBack, d.s.Held, 3),
		{text: "up " + clock(d.s.Time.Sub(d.s.Started))},
	}
	for i, priority := range [...]int{0, 6, 7, 8, 4, 9, 5, 1, 2, 3} {
		parts[i].priority, parts[i].right = priority, i >= 6
	}
	return parts
}
