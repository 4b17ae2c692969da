package session

import (
	"slices"
	"testing"
)

// Filters that can be steered are there whether or not they were asked for, once, and cost the fast way nothing.
func TestFiltersToSteerAreAdded(t *testing.T) {
	stack, err := Configure("memory", []string{"delay"}, []string{"1M", "rdelay=7"})
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.Steer("rate", "delay", "error"); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range stack.levels {
		names = append(names, l.Name)
	}
	if want := []string{"rate", "error", "delay", "memory"}; !slices.Equal(names, want) {
		t.Errorf("the layers are %q, want %q", names, want)
	}
	if !stack.Prompt() {
		t.Error("requests that need not wait go to workers")
	}
	if stack, err = Configure("memory", []string{"pause", "limit"}, []string{"1M", "pause-control=/tmp/x"}); err != nil {
		t.Fatal(err)
	}
	if err := stack.Steer("rate"); err != nil {
		t.Fatal(err)
	}
	if stack.levels[0].Name != "pause" || stack.levels[1].Name != "rate" {
		t.Error("a filter that was not asked for is in front of the gate")
	}
	if err := stack.Steer("nosuch"); err == nil {
		t.Error("a filter that there is not was added")
	}
}
