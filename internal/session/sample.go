package session

import (
	"strconv"
	"time"

	"example.com/nbdtui/internal/block"
)

const (
	samplePeriod = 100 * time.Millisecond
	rateWindow   = 10 // samples: rates are over the last second
	historyLen   = 60 // seconds
	latencySpan  = 10 // seconds
)

// sampler keeps what rates and history are made of. Only one goroutine at a time uses it.
type sampler struct {
	total   window
	clients map[uint64]*window
	history []Second
	peak    Second
	last    block.Counts // at the end of the last whole second
	next    time.Time    // end of the present one
	sums    sums
	recent  Work // of sums
	whole   Work
	work    []block.Work // at the end of the last whole seconds, oldest first
	depth   depth
	progress
}

// sums are what costs something to sum up.
type sums struct {
	totals  block.Counts
	work    block.Work
	covered block.Covered
}

// window holds the newest samples of a client, or of all.
type window struct {
	at     [rateWindow]time.Time
	counts [rateWindow]block.Counts
	n      int // samples taken
}

// rates are since the oldest sample kept. Snapshots come oftener than samples, where something happens.
func (w *window) rates(now time.Time, c block.Counts) (read, write Rate) {
	if w.n == 0 || now.Sub(w.at[(w.n-1)%rateWindow]) > samplePeriod/2 {
		w.at[w.n%rateWindow], w.counts[w.n%rateWindow] = now, c
		w.n++
	}
	oldest := max(w.n-rateWindow, 0) % rateWindow
	span := now.Sub(w.at[oldest]).Seconds()
	if span <= 0 {
		return Rate{}, Rate{}
	}
	rate := func(cmd block.Cmd) Rate {
		from, to := w.counts[oldest][cmd], c[cmd]
		return Rate{float64(to.Bytes-from.Bytes) / span, float64(to.Requests-from.Requests) / span}
	}
	return rate(block.Read), rate(block.Write)
}

// sampleLoop publishes a Snapshot ten times a second, and when something happened, until the session's last step.
func (s *Session) sampleLoop() {
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	for {
		var printed <-chan struct{}
		if c := s.child.Load(); c != nil {
			printed = c.Changed()
		}
		select {
		case <-tick.C:
			s.publish()
		case <-s.wake:
			s.publish()
		case <-printed:
			s.tell()
		case <-s.saves:
			s.saveNow()
		case <-s.ctx.Done():
			return
		}
	}
}

// tell wakes the dashboard.
func (s *Session) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Snapshot is the newest one. Unless the session is Watched none is made, and it is zero.
func (s *Session) Snapshot() Snapshot {
	if p := s.newest.Load(); p != nil {
		return *p
	}
	return Snapshot{Time: time.Now(), Started: s.started, Source: s.cfg.Stack.Source}
}

func (s *Session) publish() {
	snapshot := s.snap(time.Now())
	if last := s.newest.Swap(&snapshot); last == nil || !snapshot.Same(last) {
		s.tell()
	}
}

// snap makes a Snapshot. The gate is looked at first: a request seen in flight afterwards then never stands beside
// a Paused that was reached later.
func (s *Session) snap(now time.Time) Snapshot {
	gate := s.gate.Status()
	n := Snapshot{
		Time: now, Started: s.started,
		Source: s.cfg.Stack.Source, Size: s.export.Size, ReadOnly: s.export.ReadOnly, URI: s.URI(),
		Grace:  s.stop.left(now),
		Pauses: gate.Pauses, PausedFor: gate.PausedFor,
		Child:  s.childInfo.Load(),
		Knobs:  s.Knobs(),
		Faults: s.cfg.Faults,
		Events: s.log.list(),
	}
	paused := gate.State == block.Pausing || gate.State == block.Paused
	s.addClients(&n, now, paused)
	n.InFlight = gate.InFlight
	n.Read, n.Write = s.sample.total.rates(now, n.Totals)
	p := &s.sample
	anew := s.anew.Swap(false)
	if anew {
		p.progress = progress{}
	}
	if anew || p.due(now, &n.Totals) {
		p.sums = sums{n.Totals, s.server.Work(), s.coverage.Covered()}
		p.second(now, paused)
		p.recent, p.whole = p.lately()
	}
	n.History, n.Peak, n.Recent, n.Whole = p.history, p.peak, p.recent, p.whole
	n.Depth, n.Deepest = p.depth.look(now, p.sums.work.Busy, n.InFlight)
	n.Granule = s.coverage.Granule()
	n.Progress = p.look(now, p.sums.covered, paused)
	n.State, n.Since = s.state(gate, n.Seen)
	if n.State == Paused {
		n.InFlight, n.Oldest = 0, 0
	}
	return n
}

// state joins what the gate says with how far the session is.
func (s *Session) state(gate block.GateStatus, seen int) (State, time.Time) {
	if phase := State(s.phase.Load()); phase >= Stopping {
		return phase, time.Unix(0, s.phaseSince.Load())
	}
	switch {
	case gate.State == block.Pausing:
		return Pausing, gate.Since
	case gate.State == block.Paused:
		return Paused, gate.Since
	case seen == 0:
		return Listening, s.started
	}
	return Running, gate.Since
}

// addClients fills in the clients, and adds them to what is summed.
func (s *Session) addClients(n *Snapshot, now time.Time, paused bool) {
	clients := s.server.Clients()
	n.Totals, n.Seen = clients.Gone, clients.Seen
	windows := make(map[uint64]*window, len(clients.Present))
	for _, c := range clients.Present {
		w := s.sample.clients[c.ID]
		if w == nil {
			w = new(window)
		}
		windows[c.ID] = w
		client := Client{
			ID: c.ID, Peer: c.Peer.String(), State: ClientState(c.State), TLS: c.TLS,
			Export: c.Export, Options: c.Options, Connected: c.Connected,
			InFlight: c.InFlight, Held: c.Held, Queued: c.Queued, Counts: c.Counts, Pending: c.Pending, At: c.At,
		}
		if paused {
			client.Held += c.Queued // they find the gate closed as soon as a worker is free
			client.Queued = 0
		}
		if c.Peer.Known {
			client.User = strconv.Itoa(c.Peer.Uid)
		}
		client.Read, client.Write = w.rates(now, c.Counts)
		n.Clients = append(n.Clients, client)
		n.Held += client.Held
		n.Totals.Add(c.Counts)
		for _, p := range c.Pending {
			if !p.Held {
				n.Oldest = max(n.Oldest, p.Age)
			}
		}
	}
	s.sample.clients = windows // those that left are forgotten
}

// due is true where requests have been served since sums were made; and once a second, since requests are counted a
// little before the rest is noted.
func (p *sampler) due(now time.Time, totals *block.Counts) bool {
	return *totals != p.sums.totals || !now.Before(p.next)
}

// second keeps the history up to date: one entry for each whole second.
func (p *sampler) second(now time.Time, paused bool) {
	if p.next.IsZero() {
		p.next = now.Add(time.Second)
		p.work = make([]block.Work, 1)
	}
	if now.Before(p.next) {
		return
	}
	p.next = p.next.Add(time.Second)
	if p.next.Before(now) {
		p.next = now.Add(time.Second) // the process was stopped meanwhile
	}
	// A new slice, since the old one was given out.
	h := append(make([]Second, 0, historyLen), p.history[max(len(p.history)-historyLen+1, 0):]...)
	c := &p.sums.totals
	second := Second{
		Read:    c[block.Read].Bytes - p.last[block.Read].Bytes,
		Written: c[block.Write].Bytes - p.last[block.Write].Bytes,
		Paused:  paused,
	}
	p.history = append(h, second)
	p.peak.Read, p.peak.Written = max(p.peak.Read, second.Read), max(p.peak.Written, second.Written)
	p.last = *c
	if !paused { // what was served before a pause is still of late after it
		p.work = append(p.work[max(len(p.work)-latencySpan+1, 0):], p.sums.work)
	}
}

// lately says how requests were served of late and in all.
func (p *sampler) lately() (recent, whole Work) {
	late := p.sums.work
	late.Sub(&p.work[0])
	return workOf(&late), workOf(&p.sums.work)
}

func workOf(w *block.Work) Work {
	n := Work{Habits: w.Habits}
	for cmd := range n.Took {
		n.Took[cmd], n.Spread[cmd] = w.Took.Quantiles(block.Cmd(cmd)), w.Took.Spread(block.Cmd(cmd))
	}
	return n
}
