package ui

import (
	"fmt"
	"strconv"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// column is one of the clients' table. Columns with the highest numbers go first where there is not room for all.
type column struct {
	title    string
	cells    int
	most     int // where there is room to spare; 0 for no more than cells
	right    bool
	priority int
	value    func(d *drawing, c *session.Client) string
}

var columns = [...]column{
	{"id", 3, 0, true, 0, func(_ *drawing, c *session.Client) string { return strconv.FormatUint(c.ID, 10) }},
	{"peer", 16, 46, false, 1, func(d *drawing, c *session.Client) string { return d.theme.clean(c.Peer) }},
	{"tls", 3, 0, false, 12, func(_ *drawing, c *session.Client) string {
		if c.TLS {
			return "yes"
		}
		return "-"
	}},
	{"export", 8, 24, false, 9, func(d *drawing, c *session.Client) string {
		if c.Export == "" {
			return "default"
		}
		return d.theme.clean(c.Export)
	}},
	{"options", 26, 40, false, 10, func(d *drawing, c *session.Client) string {
		return d.theme.clean(strings.Join(c.Options, ","))
	}},
	{"fl", 3, 0, true, 2, func(_ *drawing, c *session.Client) string { return strconv.Itoa(c.InFlight) }},
	{"held", 4, 0, true, 3, func(_ *drawing, c *session.Client) string { return strconv.Itoa(c.Held) }},
	{"read/s", 7, 0, true, 4, func(_ *drawing, c *session.Client) string { return bytesShort(c.Read.Bytes) }},
	{"write/s", 7, 0, true, 5, func(_ *drawing, c *session.Client) string { return bytesShort(c.Write.Bytes) }},
	{"total", 7, 0, true, 6, func(_ *drawing, c *session.Client) string {
		return bytesShort(float64(c.Counts[block.Read].Bytes + c.Counts[block.Write].Bytes))
	}},
	{"err", 4, 0, true, 11, func(_ *drawing, c *session.Client) string { return countShort(c.Counts.Errors()) }},
	{"age", 8, 0, true, 7, func(d *drawing, c *session.Client) string { return clock(d.s.Time.Sub(c.Connected)) }},
	{"state", 9, 0, false, 8, func(_ *drawing, c *session.Client) string {
		return [...]string{"handshake", "active", "leaving"}[c.State]
	}},
}

// fitting is the columns that there is room for, in their order.
func fitting(cells int) []column {
	var use [len(columns)]bool
	for priority := range len(columns) {
		for i, c := range columns {
			if c.priority == priority && cells >= c.cells+1 {
				use[i] = true
				cells -= c.cells + 1
			}
		}
	}
	list := make([]column, 0, len(columns))
	for i, c := range columns {
		if use[i] {
			if c.most > c.cells {
				more := min(c.most-c.cells, cells)
				c.cells += more
				cells -= more
			}
			list = append(list, c)
		}
	}
	return list
}

// clients is the table of them, by id. The selected one has a mark and is always in sight.
func (d *drawing) clients() []string {
	w, h := d.size.w, d.plan.clients
	if h == 0 {
		return nil
	}
	list := fitting(w - 6)
	head := d.theme.line(w - 2).space(3)
	for _, c := range list {
		head.column(plain, c, c.title)
	}
	rows := []string{head.fill()}
	chosen, at, _ := d.view.chosen(d.s)
	visible := h - 3
	first := max(0, min(at-visible+1, len(d.s.Clients)-visible))
	for i := first; i < min(first+visible, len(d.s.Clients)); i++ {
		c := &d.s.Clients[i]
		mark, r := "", plain
		if c.ID == chosen.ID {
			mark, r = ">", strong
		}
		l := d.theme.line(w-2).space(1).left(strong, 2, mark)
		for _, k := range list {
			l.column(r, k, k.value(d, c))
		}
		rows = append(rows, l.fill())
	}
	title := fmt.Sprintf("clients %d", len(d.s.Clients))
	note := ""
	if len(d.s.Clients) > visible {
		note = fmt.Sprintf("%d-%d of %d", first+1, min(first+visible, len(d.s.Clients)), len(d.s.Clients))
	}
	return d.theme.box(w, h, false, title, note, rows)
}

func (l *line) column(r role, c column, s string) {
	s = l.theme.cut(s, c.cells)
	if c.right {
		l.right(r, c.cells, s).space(1)
	} else {
		l.left(r, c.cells, s).space(1)
	}
}
