package ui

import (
	"fmt"
	"math"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/session"
)

// The budgets of docs/dashboard.md: what a frame of a busy session takes, of time and of the terminal; how long a key
// takes to the screen.

var budgetSizes = []size{{80, 24}, {120, 40}, {200, 60}}

// busy is a session under load at its nth tenth of a second: what moves in a real one moves.
func busy(n int) session.Snapshot {
	s := running51()
	at := time.Duration(n) * 100 * time.Millisecond
	s.Time = s.Time.Add(at)
	wave := 1 + 0.2*math.Sin(float64(n)/7)
	s.Read.Bytes *= wave
	s.Read.Requests *= wave
	for i := range s.Clients {
		c := &s.Clients[i]
		c.Read.Bytes *= wave
		c.Counts[block.Read].Bytes += uint64(n) << 26
		c.Counts[block.Read].Requests += uint64(n) * 140
		for j := range c.Pending {
			c.Pending[j].Offset += uint64(n) << 26
			c.Pending[j].Age += time.Duration(n*j%7) * 100 * time.Microsecond
		}
	}
	s.Totals[block.Read] = s.Clients[0].Counts[block.Read]
	s.Progress.Done += uint64(n) << 26
	s.Progress.Read = s.Progress.Done
	for range n / 10 { // a second more
		s.History = append(s.History[1:], s.History[0])
	}
	s.Recent.Took[block.Read].P99 += time.Duration(n%5) * time.Millisecond
	return s
}

func BenchmarkFrame(b *testing.B) {
	for _, z := range budgetSizes {
		b.Run(fmt.Sprintf("%dx%d", z.w, z.h), func(b *testing.B) {
			f := newFake(busy(0))
			f.screen = qemuScreen(z)
			d := &board{session: f, theme: newTheme(true, false)}
			d.resize(z.w, z.h)
			o := newOutput(nil, nil)
			var bytes, n int
			for b.Loop() {
				b.StopTimer() // making the session up is no part of it
				n++
				f.snapshot = busy(n % 300)
				f.screen.Lines[1] = fmt.Sprintf("    (%.2f/100%%)", float64(n%300)/3)
				f.screen.Version++
				b.StartTimer()
				d.refresh()
				bytes += len(o.paint(nil, picture{frame: d.draw(), size: d.size, posture: d.posture()}))
			}
			b.ReportMetric(float64(bytes)/float64(n), "B/frame")
		})
	}
}

// From the terminal's end: a key is pressed, and its effect is awaited.
func BenchmarkKeyToScreen(b *testing.B) {
	f := newFake(running51())
	x := open(b, f, size{120, 40})
	x.Shows("? help  q quit")
	for b.Loop() {
		x.Type("?")
		x.Shows("any key closes")
		x.Type("x")
		x.Shows("? help  q quit")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(2*b.N)/1000, "ms/key")
	close(f.done)
	x.ends()
}
