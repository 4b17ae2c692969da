package ui

import (
	"fmt"

	"example.com/nbdtui/internal/session"
)

// knobRows is how many knobs are in sight at once.
const knobRows = 12

// knobs is the panel that steers, in at most h rows, which are three at least.
func (d *drawing) knobs(w, h int) []string {
	v, list := &d.view.knobs, d.s.Knobs
	n := max(min(len(list), knobRows, h-3), 1)
	var rows []string
	if len(list) == 0 {
		rows = append(rows, d.theme.line(w-2).space(1).text(plain, "nothing to turn: no layer of this session has a knob (--filter=rate and --filter=delay have)").fill())
	}
	chosen := min(v.chosen, len(list)-1)
	first := max(0, min(chosen-n+1, len(list)-n))
	for i := first; i < min(first+n, len(list)); i++ {
		k := &list[i]
		mark, r := "", plain
		if i == chosen {
			mark, r = ">", strong
		}
		l := d.theme.line(w-2).space(1).left(strong, 2, mark).left(plain, 10, d.theme.cut(k.Layer, 9)).left(r, 20, d.theme.cut(k.Name, 19))
		if i == chosen && v.editing {
			l.text(strong, d.theme.clean(v.value)).text(selected, " ")
		} else {
			l.text(r, orNone(d.theme.clean(k.Value)))
		}
		rows = append(rows, l.space(1).text(plain, unitOf(k)).fill())
	}
	if h > n+2 {
		rows = append(rows, d.theme.line(w-2).space(1).text(failure, d.theme.clean(v.refused)).fill())
	}
	note := ""
	if len(list) > n {
		note = fmt.Sprintf("%d-%d of %d", first+1, first+n, len(list))
	}
	return d.theme.box(w, len(rows)+2, true, "tune", note, rows)
}

// unitOf is what stands behind a knob's value, unless the value has a unit of its own.
func unitOf(k *session.Knob) string {
	switch {
	case k.Value == "0" && k.Kind == "BITS":
		return "no limit"
	case k.Value == "" || k.Value[len(k.Value)-1] >= 'a':
		return ""
	}
	return k.Unit
}

func orNone(value string) string {
	if value == "" {
		return "-"
	}
	return value
}

func (d *drawing) knobKeys() []string {
	if d.view.knobs.editing {
		return []string{"enter apply", "esc undo"}
	}
	arrows := d.theme.glyphs.up + " " + d.theme.glyphs.down
	return []string{"enter change", "esc close", arrows + " choose", "0 reset"}
}

// steer does what keys do to the panel, and reports whether this was one of them: with it open the session can still
// be paused.
func (b *board) steer(k key) bool {
	v, list := &b.view.knobs, b.snapshot.Knobs
	v.chosen = max(min(v.chosen, len(list)-1), 0)
	switch {
	case v.editing:
		b.edit(k)
		return true
	case k == "esc" || k == "t" || k == "enter" && len(list) == 0:
		*v = knobs{chosen: v.chosen}
	case k == "up" || k == "k":
		v.chosen = max(v.chosen-1, 0)
	case k == "down" || k == "j":
		v.chosen = max(min(v.chosen+1, len(list)-1), 0)
	case len(list) == 0:
		return false
	case k == "enter":
		v.editing, v.value, v.refused = true, list[v.chosen].Value, ""
	case k == "0":
		b.tune(list[v.chosen], b.atStart(v.chosen))
	case len(k) == 1 && k[0] > '0' && k[0] <= '9': // a new value begins
		v.editing, v.value, v.refused = true, string(k), ""
	default:
		return false
	}
	return true
}

// edit takes a key for the value.
func (b *board) edit(k key) {
	v := &b.view.knobs
	switch k {
	case "enter":
		v.editing = false
		b.tune(b.snapshot.Knobs[v.chosen], v.value)
	case "esc":
		v.editing = false
	default:
		v.value = edited(v.value, k)
	}
}

func (b *board) tune(k session.Knob, value string) {
	b.view.knobs.refused = ""
	if err := b.session.Tune(k.Layer, k.Name, value); err != nil {
		b.view.knobs.refused = err.Error()
	}
}

// atStart is a knob's first value.
func (b *board) atStart(i int) string {
	if i < len(b.first) {
		return b.first[i].Value
	}
	return b.snapshot.Knobs[i].Value
}
