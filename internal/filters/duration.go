package filters

import (
	"context"
	"errors"
	"strconv"
	"strings"
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

// sleep waits, and answers ErrShutdown where ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return block.ErrShutdown
	}
}
