package session

import (
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
)

// What a person would see change is a change; what only passes within a second is none.
func TestSameTellsWhatIsWorthDrawing(t *testing.T) {
	start := time.Unix(1000, 0)
	base := Snapshot{
		Time: start.Add(5100 * time.Millisecond), Started: start, State: Running, Since: start,
		Knobs: []Knob{{Value: "1"}}, Clients: []Client{{ID: 1}}, Events: []Event{{Seq: 7}}, Child: &Child{Pid: 5},
	}
	for name, c := range map[string]struct {
		change func(n *Snapshot)
		same   bool
	}{
		"nothing":           {func(*Snapshot) {}, true},
		"a tenth":           {func(n *Snapshot) { n.Time = n.Time.Add(100 * time.Millisecond) }, true},
		"a second":          {func(n *Snapshot) { n.Time = n.Time.Add(time.Second) }, false},
		"the state":         {func(n *Snapshot) { n.State = Pausing }, false},
		"a request":         {func(n *Snapshot) { n.Totals[block.Trim].Requests++ }, false},
		"bytes":             {func(n *Snapshot) { n.Totals[block.Read].Bytes++ }, false},
		"the oldest's age":  {func(n *Snapshot) { n.Oldest = 1 }, false},
		"held":              {func(n *Snapshot) { n.Held++ }, false},
		"a rate":            {func(n *Snapshot) { n.Read.Bytes = 1 }, false},
		"a client":          {func(n *Snapshot) { n.Clients = nil }, false},
		"a client leaves":   {func(n *Snapshot) { n.Clients = []Client{{ID: 1, State: Leaving}} }, false},
		"an event":          {func(n *Snapshot) { n.Events = []Event{{Seq: 8}} }, false},
		"a knob":            {func(n *Snapshot) { n.Knobs = []Knob{{Value: "2"}} }, false},
		"the child":         {func(n *Snapshot) { n.Child = &Child{Pid: 6} }, false},
		"the child's end":   {func(n *Snapshot) { n.Child = nil }, false},
		"what is covered":   {func(n *Snapshot) { n.Progress.Done++ }, false},
		"the rest of grace": {func(n *Snapshot) { n.Grace = 1 }, false},
	} {
		n := base
		c.change(&n)
		if n.Same(&base) != c.same {
			t.Errorf("%s: the same is %v", name, !c.same)
		}
	}
}
