package ui

import (
	"fmt"
	"math"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// running51 is a session 51 seconds old: a copy of big.iso, and somebody else who looks on.
func running51() session.Snapshot {
	s := session.Snapshot{
		Time: noon.Add(51 * time.Second), Started: noon, State: session.Running, Since: noon,
		Source: "big.iso", Size: 44 << 30, ReadOnly: true, URI: "nbd+unix:///?socket=/tmp/nbdtui-2381/socket",
		InFlight: 13, Held: 0, Oldest: 3 * time.Millisecond,
		Read:  session.Rate{Bytes: 612.4 * (1 << 20), Requests: 1396},
		Seen:  2,
		Child: &session.Child{Command: "qemu-img convert -p $nbd out", Pid: 4711, Started: noon},
		Clients: []session.Client{
			{
				ID: 1, Peer: "unix pid 4711", State: session.Active, Connected: noon, InFlight: 12,
				Options: []string{"structured", "base:allocation"}, Read: session.Rate{Bytes: 512.4 * (1 << 20)},
			},
			{
				ID: 2, Peer: "[::1]:51514", State: session.Active, Connected: noon.Add(42 * time.Second), InFlight: 1,
				Export: "vm", TLS: "1.3", Options: []string{"structured"}, Read: session.Rate{Bytes: 100 << 20},
			},
		},
	}
	s.Clients[0].Counts[block.Read] = block.OpCount{Requests: 70100, Bytes: 18 << 30}
	s.Clients[0].Counts[block.BlockStatus] = block.OpCount{Requests: 12}
	s.Clients[1].Counts[block.Read] = block.OpCount{Requests: 1134, Bytes: 1 << 30}
	for i := range 12 {
		s.Clients[0].Pending = append(s.Clients[0].Pending, block.Pending{
			Cmd: block.Read, Offset: 19<<30 + uint64(i)<<21, Length: 2 << 20, Age: time.Duration(30-2*i) * 100 * time.Microsecond,
		})
	}
	s.Clients[1].Pending = []block.Pending{{Cmd: block.Read, Offset: 3 << 30, Length: 256 << 10, Age: 1100 * time.Microsecond}}
	s.Clients[0].User, s.Clients[0].At = "1000", 19<<30
	s.Depth, s.Deepest, s.Granule = 12.6, 16, 64<<10
	for _, c := range s.Clients {
		s.Totals.Add(c.Counts)
	}
	for i := range 50 {
		wave := 0.6 + 0.4*math.Sin(float64(i)/4)
		s.History = append(s.History, session.Second{Read: uint64(wave * 640 * (1 << 20))})
	}
	s.Progress = session.Progress{
		Covered: block.Covered{Size: s.Size, Read: 19 << 30, Written: 0, Holes: 3 << 30},
		Done:    19 << 30, Rate: 612 << 20, ETA: 42 * time.Second,
	}
	s.Recent.Took[block.Read] = block.Quantiles{Requests: 13960, P50: 210e3, P90: 640e3, P99: 3100e3, Max: 41e6}
	s.Recent.Took[block.BlockStatus] = block.Quantiles{Requests: 2, P50: 14e3, P90: 20e3, P99: 20e3, Max: 20e3}
	s.Peak.Read = 640 << 20
	s.Recent.Spread[block.Read] = make(block.Spread, 64)
	for i := range s.Recent.Spread[block.Read] {
		x := float64(i-33) / 5
		s.Recent.Spread[block.Read][i] = uint64(2000 * math.Exp(-x*x))
	}
	s.Recent.Spread[block.Read][62] = 3
	s.Recent.Habits.Reads = block.Habit{Sizes: [block.SizeClasses]uint64{2: 280, 3: 12145, 5: 1535}, Sequential: 13400}
	s.Whole = s.Recent
	s.Whole.Took[block.Read] = block.Quantiles{Requests: 71234, P50: 224e3, P90: 700e3, P99: 4600e3, Max: 1200e6}
	for i, text := range []string{
		"listening at " + s.URI, "child started, pid 4711", "client 1 connected: unix pid 4711",
		"client 2 connected: [::1]:51514", "client 2: export vm",
	} {
		s.Events = append(s.Events, session.Event{Seq: uint64(i + 1), Time: noon.Add(time.Duration(i) * 9 * time.Second), Text: text})
	}
	return s
}

func with(change func(s *session.Snapshot)) session.Snapshot {
	s := running51()
	change(&s)
	return s
}

func pausedFor(d time.Duration) session.Snapshot {
	return with(func(s *session.Snapshot) {
		s.State, s.Since, s.Pauses, s.PausedFor = session.Paused, s.Time.Add(-d), 1, d
		s.InFlight, s.Held, s.Oldest = 0, 16, 0
		s.Clients[0].InFlight, s.Clients[0].Held = 0, 15
		s.Clients[1].InFlight, s.Clients[1].Held = 0, 1
		for _, c := range s.Clients {
			for i := range c.Pending {
				c.Pending[i].Held, c.Pending[i].Age = true, d
			}
		}
		for i := range s.History[:min(int(d.Seconds()), 40)] {
			s.History[len(s.History)-1-i] = session.Second{Paused: true}
		}
		s.Events = append(s.Events,
			session.Event{Seq: 6, Time: s.Since, Text: "pausing: 16 in flight"},
			session.Event{Seq: 7, Time: s.Since, Text: "paused: P after 84ms"},
			session.Event{Seq: 8, Time: s.Since, Level: session.Warning, Text: "client 2: slow to answer"})
	})
}

// scene is a Snapshot and what a person looks at.
type scene struct {
	name  string
	s     session.Snapshot
	v     view
	theme theme
}

func scenes() []scene {
	colour := newTheme(true, false)
	list := []scene{
		{name: "starting", s: session.Snapshot{
			Time: noon, Started: noon, Source: "big.iso", Child: &session.Child{Command: "qemu-img convert -p $nbd out"},
		}},
		{name: "listening", s: with(func(s *session.Snapshot) {
			s.State, s.Clients, s.InFlight, s.Oldest, s.Seen = session.Listening, nil, 0, 0, 0
			s.Read, s.History, s.Totals, s.Events = session.Rate{}, nil, block.Counts{}, s.Events[:2]
		})},
		{name: "running", s: running51()},
		{name: "resumed", s: with(func(s *session.Snapshot) { s.Pauses, s.Since = 1, s.Time.Add(-time.Second/2) })},
		{name: "pausing", s: with(func(s *session.Snapshot) {
			s.State, s.Since, s.InFlight, s.Held, s.Oldest = session.Pausing, s.Time.Add(-time.Second), 3, 13, 1400*time.Millisecond
		})},
		{name: "paused", s: pausedFor(12 * time.Second)},
		{name: "paused-long", s: pausedFor(31 * time.Second)},
		{name: "stopping", s: with(func(s *session.Snapshot) { s.State, s.Grace = session.Stopping, 3600*time.Millisecond })},
		{name: "waiting", s: with(func(s *session.Snapshot) { s.State, s.Clients, s.InFlight = session.Waiting, nil, 0 })},
		{name: "question-quit", s: running51(), v: view{ask: askQuit}},
		{name: "question-disconnect", s: running51(), v: view{selected: 2, ask: askSoft, asked: 2}},
		{name: "help", s: running51(), v: view{help: 1}},
		{name: "focus", s: running51(), v: view{typing: true}},
		{name: "failed", s: with(func(s *session.Snapshot) {
			s.State, s.Clients, s.InFlight, s.Read = session.Ended, nil, 0, session.Rate{}
			s.Child.Ended, s.Child.Status = s.Time, captive.Status{Code: 1}
			s.Events = append(s.Events, session.Event{Seq: 6, Time: s.Time, Level: session.Failure, Text: "read 64 KiB at 12 GiB: input/output error"})
		})},
		{name: "killed", s: with(func(s *session.Snapshot) {
			s.State, s.Clients, s.InFlight, s.Read = session.Ended, nil, 0, session.Rate{}
			s.Child.Ended, s.Child.Status = s.Time, captive.Status{Signal: syscall.SIGKILL}
		})},
		{name: "held", s: with(func(s *session.Snapshot) {
			s.Child.Ended, s.Child.Status, s.Clients, s.InFlight = s.Time, captive.Status{Code: 1}, nil, 0
		})},
		{name: "no-child", s: with(func(s *session.Snapshot) { s.Child = nil })},
		{name: "no-colour", s: pausedFor(12 * time.Second), theme: newTheme(false, false)},
		{name: "ascii", s: pausedFor(12 * time.Second), theme: newTheme(true, true)},
		{name: "okabe", s: written(), theme: themed("okabe")},
		{name: "inline", s: running51(), v: view{inline: true}},
		{name: "inline-question", s: running51(), v: view{inline: true, ask: askQuit}},
		{name: "paper", s: pausedFor(12 * time.Second), theme: themed("paper")},
		{name: "unsized", s: with(func(s *session.Snapshot) { s.Size, s.Progress = 0, session.Progress{} })},
		{name: "written", s: written()},
		{name: "stalled-ascii", theme: newTheme(true, true), s: with(func(s *session.Snapshot) {
			s.Progress.ETA, s.Progress.Stalled = 0, 12*time.Second
		})},
		{name: "on-clients", s: running51(), v: view{panel: panelClients}},
		{name: "on-events", s: log40(), v: view{panel: panelEvents, event: 30}},
		{name: "zoom-coverage", s: written(), v: view{panel: panelCoverage, zoom: true}},
		{name: "zoom-throughput", s: running51(), v: view{panel: panelThroughput, zoom: true}},
		{name: "zoom-requests", s: running51(), v: view{panel: panelRequests, zoom: true}},
		{name: "zoom-clients", s: crowd(), v: view{panel: panelClients, zoom: true}},
		{name: "zoom-child", s: running51(), v: view{panel: panelChild, zoom: true, typing: true}},
		{name: "zoom-events", s: log40(), v: view{panel: panelEvents, zoom: true, event: 30}, theme: newTheme(false, false)},
		{name: "back", s: running51(), v: view{panel: panelChild, back: scrollback{
			on: true, top: 100, since: 200, query: "copy", caret: true, marked: true, at: place{101, 12}, mark: place{101, 4},
		}}},
		{name: "search", s: running51(), v: view{panel: panelChild, zoom: true, back: scrollback{on: true, prompt: true, query: "copy"}}},
		{name: "many-clients", s: crowd(), v: view{selected: 9}},
		{name: "stuck", s: stuck()},
		{name: "stuck-ascii", s: stuck(), theme: newTheme(false, true)},
		{name: "on-map", s: running51(), v: view{panel: panelMap, chart: chart{cursor: 20 << 30}}},
		{name: "on-flight", s: stuck(), v: view{panel: panelFlight}},
		{name: "zoom-map", s: running51(), v: view{panel: panelMap, zoom: true, chart: chart{cursor: 22 << 30}}},
		{name: "zoom-map-part", s: running51(), v: view{panel: panelMap, zoom: true, chart: chart{from: 11 << 30, length: 11 << 30, cursor: 12 << 30}}, theme: newTheme(false, true)},
		{name: "zoom-mix", s: written(), v: view{panel: panelMix, zoom: true}},
		{name: "zoom-flight", s: stuck(), v: view{panel: panelFlight, zoom: true}},
		{name: "filter-typed", s: log40(), v: view{panel: panelEvents, filter: filter{"pid 31", true}}},
		{name: "filter", s: log40(), v: view{panel: panelEvents, filter: filter{"PID 3", false}}},
		{name: "tune", s: tunable(), v: view{knobs: knobs{open: true, chosen: 1}}},
		{name: "tune-edit", s: tunable(), v: view{knobs: knobs{open: true, editing: true, value: "20x", refused: "rate: rate=20x: not a number of bits"}}},
		{name: "tune-nothing", s: running51(), v: view{knobs: knobs{open: true}}},
	}
	for i := range list {
		if list[i].theme.sgr == nil {
			list[i].theme = colour
		}
	}
	return list
}

// themed is a theme on a terminal that can do everything.
func themed(name string) theme {
	env := map[string]string{"LANG": "C.UTF-8"}
	return themeFor(Options{Theme: name}, func(name string) string { return env[name] })
}

// charted is what a scene's person looks at, with the map that the session would give.
func charted(sc scene, z size) view {
	v := sc.v
	columns, rows := chartSize(planFor(z, shapeOf(&sc.s, &v)), &v)
	v.chart.cells = chartOf(columns*rows, sc.s.Progress)
	return v
}

// stuck is a session in which a disk does not answer: more requests are in hand than there is room for.
func stuck() session.Snapshot {
	return with(func(s *session.Snapshot) {
		s.Oldest, s.Read, s.InFlight = 43*time.Second, session.Rate{}, 14
		s.Progress.ETA, s.Progress.Stalled = 0, 42*time.Second
		p := s.Clients[0].Pending
		p[0].Age, p[1].Age, p[2].Age = 43*time.Second, 9*time.Second, 1500*time.Millisecond
		s.Clients[0].Queued = 4
		s.Clients[1].Pending = append(s.Clients[1].Pending, block.Pending{Cmd: block.WriteZeroes, Offset: 43<<30 + 12345, Length: 32 << 20, Age: 12 * time.Second})
	})
}

func tunable() session.Snapshot {
	return with(func(s *session.Snapshot) {
		s.Knobs = []session.Knob{
			{Layer: "rate", Name: "rate", Kind: "BITS", Unit: "bit/s", Value: "220M"}, {Layer: "rate", Name: "connection-rate", Kind: "BITS", Unit: "bit/s"},
			{Layer: "delay", Name: "delay-read", Kind: "TIME", Unit: "s", Value: "0"}, {Layer: "delay", Name: "delay-write", Kind: "TIME", Unit: "s", Value: "20ms"},
			{Layer: "delay", Name: "delay-zero"}, {Layer: "delay", Name: "delay-trim"}, {Layer: "delay", Name: "delay-extents"}, {Layer: "delay", Name: "delay-cache"},
			{Layer: "delay", Name: "delay-open"},
		}
	})
}

// written is a session in which some was read and more was written.
func written() session.Snapshot {
	return with(func(s *session.Snapshot) {
		s.ReadOnly = false
		s.Write, s.Totals[block.Write] = s.Read, block.OpCount{Requests: 9000, Bytes: 30 << 30}
		s.Recent.Took[block.Write] = s.Recent.Took[block.Read]
		for i := range s.History {
			s.History[i].Written = s.History[i].Read / 2
		}
		s.Progress = session.Progress{
			Covered: block.Covered{Size: s.Size, Read: 11 << 30, Written: 30 << 30, Holes: 3 << 30},
			Done:    30 << 30, Writing: true, Rate: 100 << 20, ETA: 143 * time.Second,
		}
	})
}

// log40 has more events than there is room for.
func log40() session.Snapshot {
	return with(func(s *session.Snapshot) {
		for i := 6; i <= 40; i++ {
			s.Events = append(s.Events, session.Event{Seq: uint64(i), Time: s.Time, Text: fmt.Sprintf("client %d connected: unix pid %d", i, i*100)})
		}
	})
}

func crowd() session.Snapshot {
	return with(func(s *session.Snapshot) {
		for i := 3; i <= 12; i++ {
			c := s.Clients[i%2]
			c.ID, c.Peer = uint64(i), fmt.Sprintf("192.0.2.%d:40000", i)
			s.Clients = append(s.Clients, c)
		}
		s.Clients[4].State = session.Leaving
	})
}

// qemuScreen is what a copy shows on a terminal of the panel's size.
func qemuScreen(z size) captive.Screen {
	w, h := childSize(z, shape{child: true, sized: true})
	c := captive.Screen{Width: w, Height: h, Lines: make([]string, max(h, 0)), CursorShown: true, Version: 1, Above: 240}
	if h > 1 {
		c.Lines[0], c.Lines[1] = "\x1b[32mcopying\x1b[m big.iso "+"→ out", "    (43.08/100%)"
		c.CursorX, c.CursorY = 16, 1
	}
	return c
}

// chartOf is a map of what progress says: read up to some place, holes behind it, a little written and zeroed, one error.
func chartOf(cells int, p session.Progress) []block.Stretch {
	if cells <= 0 || p.Size == 0 {
		return nil
	}
	list := make([]block.Stretch, cells)
	each := p.Size / uint64(cells)
	for i := range list {
		at := float64(i) / float64(cells)
		s := &list[i]
		s.Bytes = each
		switch {
		case at < 0.05:
			s.Read, s.Written = each, each
		case at < 0.30 || at > 0.35 && at < 0.40:
			s.Read = each
		case at < 0.35:
			s.Holes = each
		case at < 0.42:
			s.Read = each / 3
		case at > 0.7 && at < 0.75:
			s.Written = each
		case at > 0.75 && at < 0.8:
			s.Zeroed = each / 2
		}
	}
	list[cells/2].Failed = each
	return list
}
