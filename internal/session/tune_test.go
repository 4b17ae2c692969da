package session

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"example.com/nbdtui/internal/param"
)

func TestKnobsAreListedAndTurned(t *testing.T) {
	s := start(t, Config{Watched: true}, "memory", []string{"delay", "rate", "delay"}, "1M", "rdelay=1", "rdelay=2", "rate=8M")
	var layers []string
	for _, k := range s.Knobs() {
		layers = append(layers, k.Layer)
	}
	if got := strings.Join(slices.Compact(layers), " "); got != "rate delay.1 delay.2" {
		t.Errorf("the layers with knobs are %q", got)
	}
	value := func(layer, name string) string {
		i := slices.IndexFunc(s.Knobs(), func(k Knob) bool { return k.Layer == layer && k.Name == name })
		return s.Knobs()[i].Value
	}
	if a, b := value("delay.1", "delay-read"), value("delay.2", "delay-read"); a != "1" || b != "2" {
		t.Errorf("the delays are %s and %s", a, b)
	}
	if err := s.Tune("delay.2", "delay-read", "200ms"); err != nil {
		t.Error(err)
	}
	if a, b := value("delay.1", "delay-read"), value("delay.2", "delay-read"); a != "1" || b != "200ms" {
		t.Errorf("the delays are %s and %s", a, b)
	}
	list := s.log.list()
	if e := list[len(list)-1]; e.Text != "delay.2: delay-read=200ms, was 2" {
		t.Errorf("the event says %q", e.Text)
	}
	for !slices.Equal(s.Snapshot().Knobs, s.Knobs()) {
		await(t, "a snapshot with the knobs", s.Changed())
	}
	for _, wrong := range [][3]string{{"delay", "delay-read", "1"}, {"delay.1", "rdelay", "1"}, {"memory", "size", "1"}, {"rate", "rate", "x"}} {
		err := s.Tune(wrong[0], wrong[1], wrong[2])
		var hint *param.Hint
		if err == nil || !strings.Contains(err.Error(), wrong[1]) || wrong[0] != "rate" && !errors.As(err, &hint) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if v := value("rate", "rate"); v != "8M" {
		t.Errorf("the rate is %s", v)
	}
}
