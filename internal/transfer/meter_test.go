package transfer

import (
	"strings"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	m := NewMeter(start)
	const total = 2 << 30
	for _, c := range []struct {
		at         float64
		done, data uint64
		width      int
		want       string
	}{
		{0, 0, 0, 80, "  0%  0 B/s  0 B of 2.0 GiB  [" + strings.Repeat("-", 40) + "]"},
		{2, 1 << 30, 512 << 20, 60, " 50%  256 MiB/s  0:02 left  1.0 GiB of 2.0 GiB"},
		{4, 1 << 30, 512 << 20, 30, " 50%  128 MiB/s  0:04 left"},
		{4.5, 1 << 30, 512 << 20, 12, " 50%"},
		{9.8, 1<<30 + 1, 512<<20 + 1, 50, " 50%  0 B/s  days left  1.0 GiB of 2.0 GiB"},
		{20, 1<<30 + 1, 512<<20 + 1, 50, " 50%  0 B/s  stalled  1.0 GiB of 2.0 GiB"},
		{22, total - 1, total / 2, 70, " 99%  42 MiB/s  0:00 left  2.0 GiB of 2.0 GiB  [###################-]"},
	} {
		got := m.Line(Progress{Done: c.done, Data: c.data, Total: total}, at(c.at), c.width)
		if got != c.want || len(got) >= c.width {
			t.Errorf("at %v s:\n%q, want\n%q", c.at, got, c.want)
		}
	}
	if got := NewMeter(start).Line(Progress{Done: 3 << 20, Data: 3 << 20}, at(3), 80); got != "1.0 MiB/s  3.0 MiB" {
		t.Errorf("a stream: %q", got)
	}
	for p, want := range map[Progress]string{
		{Done: total, Data: 1 << 30, Total: total}: "copied 2147483648 bytes (2.0 GiB, 1.0 GiB of it data and the rest holes) in 2s, 512 MiB/s",
		{Done: 1000, Data: 1000}:                   "copied 1000 bytes (1000 B) in 2s, 500 B/s",
		{}:                                         "copied 0 bytes (0 B) in 2s, 0 B/s",
	} {
		if got := m.Summary(p, at(2)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
