package session

import "time"

// Same is true where n shows nothing that m does not: while nobody does anything only the second changes, and what is
// made ten times in it need not be told, nor drawn.
func (n *Snapshot) Same(m *Snapshot) bool {
	return n.brief() == m.brief()
}

// brief is what tells one Snapshot from the next.
type brief struct {
	second          time.Duration
	state           State
	since           time.Time
	size            uint64
	inFlight, held  int
	oldest, grace   time.Duration
	requests, bytes uint64
	read, write     Rate
	depth           float64
	done, holes     uint64
	stalled         bool
	clients         [3]int // by state
	history         int
	knobs           string
	event           uint64
	child           *Child
}

func (n *Snapshot) brief() brief {
	b := brief{
		second: n.Time.Sub(n.Started) / time.Second, state: n.State, since: n.Since, size: n.Size,
		inFlight: n.InFlight, held: n.Held, oldest: n.Oldest, grace: n.Grace,
		read: n.Read, write: n.Write, depth: n.Depth,
		done: n.Progress.Done, holes: n.Progress.Holes, stalled: n.Progress.Stalled > 0,
		history: len(n.History), child: n.Child,
	}
	for i := range n.Clients {
		b.clients[n.Clients[i].State]++
	}
	for _, c := range n.Totals {
		b.requests += c.Requests
		b.bytes += c.Bytes
	}
	for _, k := range n.Knobs {
		b.knobs += k.Value + " "
	}
	if last := len(n.Events) - 1; last >= 0 {
		b.event = n.Events[last].Seq
	}
	return b
}
