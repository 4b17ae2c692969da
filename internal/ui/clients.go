package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

var clientColumns = []column[session.Client]{
	{"id", 3, 0, true, 0, func(_ *drawing, c *session.Client) string { return strconv.FormatUint(c.ID, 10) }},
	{"peer", 16, 46, false, 1, func(d *drawing, c *session.Client) string { return d.theme.clean(c.Peer) }},
	{"uid", 5, 0, true, 13, func(_ *drawing, c *session.Client) string { return orNone(c.User) }},
	{"tls", 3, 0, false, 12, func(_ *drawing, c *session.Client) string {
		if c.TLS == "" {
			return "-"
		}
		return c.TLS
	}},
	{"export", 8, 24, false, 9, func(d *drawing, c *session.Client) string {
		if c.Export == "" {
			return "default"
		}
		return d.theme.clean(c.Export)
	}},
	{"options", 16, 40, false, 10, func(d *drawing, c *session.Client) string {
		return d.theme.clean(strings.ReplaceAll(strings.Join(c.Options, ","), "base:allocation", "alloc"))
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
		return c.State.String()
	}},
}

// withIDs is columns with room in the first for every client's id: of two that are cut nobody knows which is which.
func withIDs[T any](columns []column[T], s *session.Snapshot) []column[T] {
	columns = slices.Clone(columns)
	if n := len(s.Clients); n > 0 {
		columns[0].cells = max(columns[0].cells, len(strconv.FormatUint(s.Clients[n-1].ID, 10)))
	}
	return columns
}

// clients is the table of them, by id. The selected one has a mark and is always in sight.
func (d *drawing) clients(w, h int) []string {
	columns := fitting(withIDs(clientColumns, d.s), w-6)
	rows := []string{titles(d.theme.line(w-2).space(3), columns).fill()}
	chosen, at, _ := d.view.chosen(d.s)
	visible := max(h-3, 0)
	first := max(0, min(at-visible+1, len(d.s.Clients)-visible))
	last := min(first+visible, len(d.s.Clients))
	for i := first; i < last; i++ {
		c := &d.s.Clients[i]
		mark, r := "", plain
		if c.ID == chosen.ID {
			mark, r = ">", strong
		}
		rows = append(rows, values(d.theme.line(w-2).space(1).left(strong, 2, mark), d, r, columns, c).fill())
	}
	note := ""
	if len(d.s.Clients) > visible {
		note = fmt.Sprintf("%d-%d of %d", first+1, last, len(d.s.Clients))
	}
	return d.box(panelClients, w, h, fmt.Sprintf("clients %d", len(d.s.Clients)), note, rows)
}
