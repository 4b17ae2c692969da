package filters

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// over is a filter over memory.
func over(t *testing.T, filter string, words ...string) *blocktest.Stack {
	t.Helper()
	return blocktest.Build(t, false,
		blocktest.Layer{Kind: block.Filter, Name: filter, Words: words},
		blocktest.Layer{Kind: block.Plugin, Name: "memory", Words: []string{"size=1M"}})
}

// do serves a request of 4 KiB.
func do(ctx context.Context, d *block.Door, cmd block.Cmd, flags block.Flags) error {
	r := block.Request{Cmd: cmd, Flags: flags, Length: 4096}
	switch cmd {
	case block.Write:
		r.Data = make([]byte, 4096)
	case block.Flush:
		r.Length = 0
	}
	a := block.GetAnswer(false)
	defer a.Put()
	return d.Serve(ctx, r, a.Reply())
}

// failing is a layer below that cannot be opened.
func failing(context.Context, block.OpenRequest) (*block.Door, error) { return nil, syscall.ENXIO }

// refused says how a filter's parameters are refused, or nil.
func refused(t *testing.T, filter, key, value string) error {
	t.Helper()
	r, _ := block.Lookup(block.Filter, filter)
	p, ok := r.New().Table().Lookup(key)
	if !ok {
		t.Fatalf("%s has no parameter %s", filter, key)
	}
	return p.Apply(value)
}

func TestDelayOfEachKind(t *testing.T) {
	for _, c := range []struct {
		words []string
		takes [block.Commands]int // milliseconds
	}{
		{nil, [block.Commands]int{}},
		{[]string{"rdelay=100ms"}, [block.Commands]int{block.Read: 100}},
		{[]string{"delay-read=1"}, [block.Commands]int{block.Read: 1000}},
		{[]string{"wdelay=1.5"}, [block.Commands]int{block.Write: 1500, block.Trim: 1500, block.WriteZeroes: 1500}},
		{[]string{"wdelay=1", "delay-write=2"}, [block.Commands]int{block.Write: 2000, block.Trim: 1000, block.WriteZeroes: 1000}},
		{[]string{"delay-write=2", "wdelay=1"}, [block.Commands]int{block.Write: 1000, block.Trim: 1000, block.WriteZeroes: 1000}},
		{[]string{"delay-zeroes=3ms", "delay-discards=4ms", "delay-extent=5ms", "delay-cache=6ms"},
			[block.Commands]int{block.WriteZeroes: 3, block.Trim: 4, block.BlockStatus: 5, block.Cache: 6}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := over(t, "delay", c.words...).Open(t, block.OpenRequest{})
			for cmd := range block.Cmd(block.Commands) {
				want := time.Duration(c.takes[cmd]) * time.Millisecond
				start := time.Now()
				if err := do(t.Context(), d, cmd, block.NoWait); (want > 0) != (err == block.ErrWait) {
					t.Errorf("%v: %v under NoWait: %v", c.words, cmd, err)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("%v: %v waited %v under NoWait", c.words, cmd, took)
				}
				if err := do(t.Context(), d, cmd, 0); err != nil || time.Since(start) != want {
					t.Errorf("%v: %v after %v, %v, want %v", c.words, cmd, time.Since(start), err, want)
				}
			}
		})
	}
}

func TestDelayOfOpenAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := over(t, "delay", "delay-open=2", "delay-close=3")
		start := time.Now()
		d, err := s.Try(t.Context(), block.OpenRequest{})
		if err != nil || time.Since(start) != 2*time.Second {
			t.Fatalf("opened after %v, %v, want 2s", time.Since(start), err)
		}
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("opened and closed after %v, want 5s", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := over(t, "delay", "delay-close=3600")
		d, err := s.Try(t.Context(), block.OpenRequest{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := d.Close(ctx); err != nil || s.Probe.Closed.Load() != 1 || time.Since(start) != time.Second {
			t.Errorf("%v after %v, and %d were closed below", err, time.Since(start), s.Probe.Closed.Load())
		}
	})
}

func TestDelayEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := over(t, "delay", "rdelay=3600")
		d := s.Open(t, block.OpenRequest{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := do(ctx, d, block.Read, 0); !errors.Is(err, block.ErrShutdown) || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want ESHUTDOWN after 1s", err, time.Since(start))
		}
		if s.Probe.Served.Load() != 0 {
			t.Error("the request was passed on")
		}
	})
}

// With a trigger there are delays only while the file exists, which is looked for each time.
func TestDelayWithATrigger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slow")
	synctest.Test(t, func(t *testing.T) {
		s := over(t, "delay", "rdelay=3", "delay-open=2", "delay-close=1", "delay-trigger="+path)
		for _, slow := range []time.Duration{0, 1, 0} {
			if slow == 1 {
				touch(t, path, true)
			}
			start := time.Now()
			d, err := s.Try(t.Context(), block.OpenRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if err := do(t.Context(), d, block.Read, 0); err != nil {
				t.Error(err)
			}
			d.Close(t.Context())
			if took := time.Since(start); took != slow*6*time.Second {
				t.Errorf("with the file %v: %v", slow == 1, took)
			}
			if slow == 1 {
				touch(t, path, false)
			}
		}
	})
}

func TestDelayRefusesFastZeroes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			words []string
			want  error
			took  time.Duration
		}{
			{[]string{"delay-zero=1"}, nil, time.Second},
			{[]string{"delay-zero=1", "delay-fast-zero=false"}, syscall.ENOTSUP, 0},
			{[]string{"delay-fast-zero=false"}, nil, 0}, // no delay to escape
		} {
			d := over(t, "delay", c.words...).Open(t, block.OpenRequest{})
			start := time.Now()
			if err := do(t.Context(), d, block.WriteZeroes, block.FastZero); !errors.Is(err, c.want) || time.Since(start) != c.took {
				t.Errorf("%v: %v after %v, want %v after %v", c.words, err, time.Since(start), c.want, c.took)
			}
		}
	})
}

func TestDelayRefusesBadTimes(t *testing.T) {
	for _, key := range []string{"rdelay", "wdelay", "delay-open", "delay-close", "delay-cache"} {
		if refused(t, "delay", key, "1x") == nil || refused(t, "delay", key, "1.5us") != nil {
			t.Errorf("%s takes what is no time, or does not take one", key)
		}
	}
	if refused(t, "delay", "delay-fast-zero", "2") == nil {
		t.Error("2 is taken as a boolean")
	}
}
