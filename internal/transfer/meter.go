package transfer

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Meter turns the progress of one copy into lines for people. Not for concurrent use.
type Meter struct {
	start   time.Time
	samples []sample // of the last window, oldest first
}

type sample struct {
	at time.Time
	Progress
}

// window is what rates are measured over: short enough to show a stall, long enough to stand still otherwise.
const window = 5 * time.Second

// NewMeter begins at start.
func NewMeter(start time.Time) *Meter {
	return &Meter{start: start, samples: []sample{{at: start}}}
}

// Line is what to show at now, in one line of less than width cells: as much of it as fits, the important first.
func (m *Meter) Line(p Progress, now time.Time, width int) string {
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= window {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	m.samples = append(m.samples, sample{now, p})
	elapsed := now.Sub(first.at).Seconds()
	rate, pace := 0.0, 0.0
	if elapsed > 0 {
		rate, pace = float64(p.Data-first.Data)/elapsed, float64(p.Done-first.Done)/elapsed
	}
	var parts []string
	if p.Total > 0 {
		parts = append(parts, fmt.Sprintf("%3d%%", p.percent()))
	}
	parts = append(parts, humanize.IBytes(uint64(rate))+"/s")
	switch {
	case p.Total == 0:
		parts = append(parts, humanize.IBytes(p.Done))
	case pace > 0:
		parts = append(parts, clock(float64(p.Total-p.Done)/pace)+" left", humanize.IBytes(p.Done)+" of "+humanize.IBytes(p.Total))
	case elapsed < 1:
		parts = append(parts, humanize.IBytes(p.Done)+" of "+humanize.IBytes(p.Total))
	default:
		parts = append(parts, "stalled", humanize.IBytes(p.Done)+" of "+humanize.IBytes(p.Total))
	}
	line := parts[0]
	for _, part := range parts[1:] {
		if len(line)+2+len(part) >= width {
			break
		}
		line += "  " + part
	}
	if room := width - 1 - len(line) - len("  []"); p.Total > 0 && room >= 10 {
		full := int(float64(min(room, 40)) * float64(p.Done) / float64(p.Total))
		line += "  [" + strings.Repeat("#", full) + strings.Repeat("-", min(room, 40)-full) + "]"
	}
	return line
}

// percent is 100 only when all is done.
func (p Progress) percent() int { return int(float64(p.Done) / float64(p.Total) * 100) }

// clock is seconds as a person reads them.
func clock(s float64) string {
	if s >= 100*3600 {
		return "days"
	}
	n := int(s + 0.5)
	if n < 3600 {
		return fmt.Sprintf("%d:%02d", n/60, n%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
}

// Summary is the line at the end of a copy that went well.
func (m *Meter) Summary(p Progress, now time.Time) string {
	s := fmt.Sprintf("copied %d bytes (%s", p.Done, humanize.IBytes(p.Done))
	if p.Data < p.Done {
		s += fmt.Sprintf(", %s of it data and the rest holes", humanize.IBytes(p.Data))
	}
	elapsed := now.Sub(m.start)
	rate := float64(p.Data) / max(elapsed.Seconds(), 1e-3)
	return s + fmt.Sprintf(") in %s, %s/s", elapsed.Round(time.Millisecond), humanize.IBytes(uint64(rate)))
}
