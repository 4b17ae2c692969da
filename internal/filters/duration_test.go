package filters

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "2": 2 * time.Second, "1.5": 1500 * time.Millisecond, ".5": 500 * time.Millisecond, "3s": 3 * time.Second,
		"200ms": 200 * time.Millisecond, "1.5ms": 1500 * time.Microsecond, "10us": 10 * time.Microsecond,
		"1.2μs": 1200, "1.2µs": 1200, "7ns": 7, "0.1": 100 * time.Millisecond, "31536000": maxDuration,
	} {
		if got, err := parseDuration(text); got != want || err != nil {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0", 2 * time.Second: "2", 1500 * time.Millisecond: "1.5", 200 * time.Millisecond: "200ms", 10 * time.Microsecond: "10us",
		7: "7ns", 1500 * time.Microsecond: "1500us", 1000001: "1000001ns", maxDuration: "31536000", 90*time.Second + 1: "90.000000001",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
		if again, err := parseDuration(formatDuration(d)); again != d || err != nil {
			t.Errorf("%q is %v, %v, want %v", formatDuration(d), again, err, d)
		}
	}
	for _, text := range []string{
		"", ".", "s", "ms", "-1", "-1ms", "+1", " 1", "1 ", "1 s", "1e3", "0x10", "inf", "nan", "1m", "1h", "1.2.3",
		"100xms", "1msms", "31536001", "99999999999999999999", "1_000",
	} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
	var d time.Duration
	if err := setPositive(&d)("0"); err == nil {
		t.Error("0 is taken where it cannot be")
	}
	if err := setPositive(&d)("1ms"); err != nil || d != time.Millisecond {
		t.Errorf("1ms is %v, %v", d, err)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := sleep(ctx, nil, time.Hour); !errors.Is(err, block.ErrShutdown) || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want ESHUTDOWN after 1s", err, time.Since(start))
		}
		if err := sleep(t.Context(), nil, time.Hour); err != nil || time.Since(start) != time.Hour+time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := sleep(ctx, nil, 0); err != nil {
			t.Errorf("no time at all: %v", err)
		}
	})
}
