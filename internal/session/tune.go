package session

import (
	"fmt"
	"slices"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// Knob is a setting of a layer that may be turned while the session runs: plain data.
type Knob struct {
	Layer string // "rate"; where it stands several times "rate.1" is the outermost
	Name  string // as the parameter's: "connection-rate"
	Kind  string // as the parameter's: "BITS", "TIME"
	Unit  string // of a number that has none of its own behind it: "bit/s"; empty where there is none
	Value string // what holds now, as Tune takes it; empty where it is not one value
}

// Knobs are those of all layers, always in the same order: the rate's, which is turned most often, then outermost first.
func (s *Session) Knobs() (list []Knob) {
	s.layers.tuners(func(layer string, t block.Tuner) {
		for _, k := range t.Knobs() {
			list = append(list, Knob{Layer: layer, Name: k.Name, Kind: k.Kind, Unit: k.Unit, Value: k.Value})
		}
	})
	slices.SortStableFunc(list, func(a, b Knob) int { return a.rank() - b.rank() })
	return list
}

func (k Knob) rank() int {
	if layer, _, _ := strings.Cut(k.Layer, "."); layer == "rate" {
		return 0
	}
	return 1
}

// Tune turns a knob, by a Knob's Layer and Name, for requests that come and for those that wait. A value that is
// refused changes nothing; the error may have a hint.
func (s *Session) Tune(layer, name, value string) error {
	var knob *block.Knob
	var names []string
	s.layers.tuners(func(l string, t block.Tuner) {
		for _, k := range t.Knobs() {
			names = append(names, l+" "+k.Name)
			if l == layer && k.Name == name {
				knob = &k
			}
		}
	})
	if knob == nil {
		hint := "no layer of this session has knobs"
		if len(names) > 0 {
			hint = "the knobs are: " + strings.Join(names, ", ")
		}
		return param.WithHint(fmt.Errorf("there is no knob %s of %s", name, layer), hint)
	}
	if err := knob.Set(value); err != nil {
		return fmt.Errorf("%s: %w", layer, &param.Error{Name: name, Value: value, Err: err})
	}
	s.info("%s: %s=%s, was %s", layer, name, value, orElse(knob.Value, "not one value"))
	return nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// tuners calls each for the layers that have knobs, outermost first, by the name that tells them apart.
func (l *layers) tuners(each func(name string, t block.Tuner)) {
	total, seen := map[string]int{}, map[string]int{}
	for _, n := range l.list {
		total[n.name]++
	}
	for _, n := range l.list {
		name := n.name
		if seen[n.name]++; total[n.name] > 1 {
			name = fmt.Sprintf("%s.%d", n.name, seen[n.name])
		}
		if t, ok := n.Layer.(block.Tuner); ok {
			each(name, t)
		}
	}
}
