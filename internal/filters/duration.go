package filters

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// maxDuration is the longest that any layer waits: a year.
const maxDuration = 365 * 24 * time.Hour

// parseDuration reads nbdkit's delays: a decimal number, a fraction allowed, of seconds, or with one of the units
// s, ms, us (also μs) and ns behind it. 0 to a year.
func parseDuration(value string) (time.Duration, error) {
	number, unit := value, time.Second
	for _, u := range []struct {
		suffix string
		unit   time.Duration
	}{
		{"ms", time.Millisecond}, {"us", time.Microsecond}, {"μs", time.Microsecond}, {"µs", time.Microsecond},
		{"ns", time.Nanosecond}, {"s", time.Second},
	} {
		if cut, ok := strings.CutSuffix(value, u.suffix); ok {
			number, unit = cut, u.unit
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if strings.Trim(number, "0123456789.") != "" || errors.Is(err, strconv.ErrSyntax) {
		return 0, param.WithHint(errors.New("not a time"), "say seconds, as in 2 or 1.5, or with a unit: 200ms, 10us, 50ns")
	}
	if f *= float64(unit); f > float64(maxDuration) {
		return 0, errors.New("the time is too long: at most a year")
	}
	return time.Duration(f + 0.5), nil
}

// setDuration sets all of to, which have one name on the command line.
func setDuration(to ...*time.Duration) func(string) error {
	return func(value string) error {
		d, err := parseDuration(value)
		if err != nil {
			return err
		}
		for _, t := range to {
			*t = d
		}
		return nil
	}
}

// setPositive sets a time that cannot be 0.
func setPositive(to *time.Duration) func(string) error {
	return func(value string) error {
		d, err := parseDuration(value)
		if err == nil && d == 0 {
			err = errors.New("the time must be more than 0")
		}
		if err == nil {
			*to = d
		}
		return err
	}
}

// formatDuration writes d as parseDuration reads it.
func formatDuration(d time.Duration) string {
	switch {
	case d == 0 || d >= time.Second:
	case d%time.Millisecond == 0:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d%time.Microsecond == 0:
		return strconv.FormatInt(d.Microseconds(), 10) + "us"
	default:
		return strconv.FormatInt(d.Nanoseconds(), 10) + "ns"
	}
	whole, rest := d/time.Second, d%time.Second
	if rest == 0 {
		return strconv.FormatInt(int64(whole), 10)
	}
	return fmt.Sprintf("%d.%s", whole, strings.TrimRight(fmt.Sprintf("%09d", rest), "0"))
}

// tunable is a time that may change while somebody waits it out. The zero one is no time.
type tunable struct{ now atomic.Pointer[setting] }

type setting struct {
	d    time.Duration
	over chan struct{} // closed when another holds
}

func (t *tunable) set(d time.Duration) {
	if old := t.now.Swap(&setting{d, make(chan struct{})}); old != nil {
		close(old.over)
	}
}

func (t *tunable) get() time.Duration {
	if s := t.now.Load(); s != nil {
		return s.d
	}
	return 0
}

// sleep waits as long as t says by then, and answers ErrShutdown where ctx ends or stop is closed first.
func (t *tunable) sleep(ctx context.Context, stop <-chan struct{}) error {
	if t.get() == 0 {
		return nil
	}
	for start := time.Now(); ; {
		s := t.now.Load()
		timer := time.NewTimer(s.d - time.Since(start))
		select {
		case <-timer.C:
			return nil
		case <-s.over:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return block.ErrShutdown
		case <-stop:
			timer.Stop()
			return block.ErrShutdown
		}
	}
}

// knob turns t.
func (t *tunable) knob(name string) block.Knob {
	return block.Knob{Name: name, Kind: "TIME", Unit: "s", Value: formatDuration(t.get()), Set: func(value string) error {
		d, err := parseDuration(value)
		if err == nil {
			t.set(d)
		}
		return err
	}}
}

// sleep waits, and answers ErrShutdown where ctx ends or stop is closed first.
func sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	case <-stop:
	}
	return block.ErrShutdown
}
