package ui

import (
	"fmt"
	"time"

	"example.com/nbdtui/internal/block"
)

// quantile is one of them by its name.
type quantile struct {
	word string
	at   time.Duration
}

func quantiles(q *block.Quantiles) [4]quantile {
	return [...]quantile{{"p50", q.P50}, {"p90", q.P90}, {"p99", q.P99}, {"max", q.Max}}
}

// latency is one of q's in at most six characters: "210 µs", "3.1 ms", "41 ms"; "-" where nothing was served.
func (t theme) latency(q *block.Quantiles, at time.Duration) string {
	if q.Requests == 0 {
		return "-"
	}
	return took(at, t.glyphs.micro)
}

// took is a short time to two or three digits; micro is how to write a millionth.
func took(d time.Duration, micro string) string {
	for _, u := range [...]struct {
		one  time.Duration
		name string
	}{{time.Microsecond, micro + "s"}, {time.Millisecond, "ms"}} {
		switch n := float64(d) / float64(u.one); {
		case n < 9.95 && u.one > time.Microsecond:
			return fmt.Sprintf("%.1f %s", n, u.name)
		case n < 999.5:
			return fmt.Sprintf("%.0f %s", n, u.name)
		}
	}
	if s := d.Seconds(); s < 9.95 {
		return fmt.Sprintf("%.1f s", s)
	} else {
		return fmt.Sprintf("%.0f s", min(s, 9999))
	}
}
