package filters

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
	_ "example.com/nbdtui/internal/plugins"
)

const mib = 1 << 20

// rateStack is the filter over memory.
func rateStack(t *testing.T, words ...string) *blocktest.Stack {
	t.Helper()
	return blocktest.Build(t, false,
		blocktest.Layer{Kind: block.Filter, Name: "rate", Words: words},
		blocktest.Layer{Kind: block.Plugin, Name: "memory", Words: []string{"size=64M"}})
}

// serve has a client ask for n bytes, and returns when it was answered, in seconds since start.
func serve(t *testing.T, d *block.Door, cmd block.Cmd, n uint64, start time.Time) float64 {
	t.Helper()
	r := block.Request{Cmd: cmd, Length: n}
	if cmd == block.Write {
		r.Data = make([]byte, n)
	}
	a := block.GetAnswer(false)
	defer a.Put()
	if err := d.Serve(t.Context(), r, a.Reply()); err != nil {
		t.Errorf("%v: %v", cmd, err)
	}
	return time.Since(start).Seconds()
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.001+want/1000 {
		t.Errorf("%s after %.4f s, want %.4f", what, got, want)
	}
}

// 8M is a MiB a second, and two seconds of it are there at first.
func TestRateOfOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := rateStack(t, "rate=8M").Open(t, block.OpenRequest{})
		start := time.Now()
		for i, want := range []float64{0, 0, 1, 2, 3} {
			near(t, fmt.Sprintf("read %d", i), serve(t, d, block.Read, mib, start), want)
		}
		near(t, "the first write", serve(t, d, block.Write, mib, start), 3) // has a bucket of its own
		for _, cmd := range []block.Cmd{block.Flush, block.Trim, block.WriteZeroes, block.Cache, block.BlockStatus} {
			n := uint64(64 * mib)
			if cmd == block.Flush {
				n = 0
			}
			near(t, cmd.String(), serve(t, d, cmd, n, start), 3)
		}
		near(t, "a request larger than the bucket", serve(t, d, block.Read, 10*mib, start), 13)
		time.Sleep(time.Hour) // two seconds are saved up, not an hour
		start = time.Now()
		near(t, "a read after a long rest", serve(t, d, block.Read, 5*mib, start), 3)
	})
}

func TestRateWithoutABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := rateStack(t, "rate=8M", "burstiness=0").Open(t, block.OpenRequest{})
		start := time.Now()
		near(t, "the first read", serve(t, d, block.Read, mib, start), 1)
		near(t, "the second read", serve(t, d, block.Read, mib, start), 2)
	})
}

// Many large requests at once come out one after the other, evenly.
func TestRateIsEven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := rateStack(t, "rate=8M", "burstiness=0.5")
		start := time.Now()
		done := make(chan float64, 16)
		for range 8 {
			d := s.Open(t, block.OpenRequest{})
			for range 2 {
				go func() { done <- serve(t, d, block.Read, 2*mib, start) }()
			}
		}
		for i := range 16 {
			near(t, fmt.Sprintf("read %d", i), <-done, float64(2*(i+1))-0.5)
		}
	})
}

func TestRateOfEachClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := rateStack(t, "connection-rate=8M", "rate=12M")
		var group sync.WaitGroup
		start := time.Now()
		for range 2 {
			d := s.Open(t, block.OpenRequest{})
			group.Go(func() { serve(t, d, block.Read, 16*mib, start) })
		}
		group.Wait()
		// 32 MiB at 1.5 MiB a second, of which 3 MiB were there, and no client over 1 MiB a second.
		if took := time.Since(start).Seconds(); took < 19 || took > 34 {
			t.Errorf("two clients took %.1f s", took)
		}
		d := s.Open(t, block.OpenRequest{}) // a new client has a full bucket of its own
		time.Sleep(time.Minute)
		start = time.Now()
		near(t, "a new client's read", serve(t, d, block.Read, 2*mib, start), 0)
		near(t, "its next", serve(t, d, block.Read, mib, start), 1)
	})
}

func TestRateEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := rateStack(t, "rate=8M").Open(t, block.OpenRequest{})
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		failed := make(chan error)
		for range 3 { // one draws, two wait for their turn
			go func() {
				a := block.GetAnswer(false)
				defer a.Put()
				failed <- d.Serve(ctx, block.Request{Cmd: block.Read, Length: 60 * mib}, a.Reply())
			}()
		}
		time.Sleep(time.Second)
		cancel()
		for range 3 {
			if err := <-failed; !errors.Is(err, block.ErrShutdown) {
				t.Errorf("%v, want ESHUTDOWN", err)
			}
		}
		near(t, "what was not served", time.Since(start).Seconds(), 1)
		near(t, "what it drew is given back: a read", serve(t, d, block.Read, 2*mib, start), 1)
	})
}

func TestRateChargesNothingUnderNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := rateStack(t, "rate=8M").Open(t, block.OpenRequest{})
		for range 100 {
			if err := d.ReadInto(t.Context(), make([]byte, mib), 0, block.NoWait); err != block.ErrWait {
				t.Fatalf("%v, want ErrWait", err)
			}
		}
		start := time.Now()
		near(t, "a read", serve(t, d, block.Read, 2*mib, start), 0)
	})
}

func TestRateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rate")
	say := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := rateStack(t, "rate-file="+path)
		d := s.Open(t, block.OpenRequest{})
		start := time.Now()
		near(t, "a read without a limit", serve(t, d, block.Read, 64*mib, start), 0)
		say("8M\nwhat else there is\n")
		near(t, "a read from a bucket that is full at first", serve(t, d, block.Read, 2*mib, start), 0)
		near(t, "the next read", serve(t, d, block.Read, mib, start), 1)
		for _, keep := range []string{"", "\n", "junk", "junk", "-1"} {
			say(keep)
			before := time.Since(start).Seconds()
			near(t, fmt.Sprintf("a read with %q", keep), serve(t, d, block.Read, mib, start), before+1)
		}
		if n := len(s.Events); n != 2 {
			t.Errorf("%d events for two things that are no rates", n)
		}
		if text := <-s.Events; !strings.Contains(text, "junk") || !strings.Contains(text, path) {
			t.Errorf("event %q", text)
		}
		// The rate changes while a request waits.
		say("1k")
		before := time.Since(start).Seconds()
		done := make(chan float64)
		go func() { done <- serve(t, d, block.Read, 10*mib, start) }()
		time.Sleep(10 * time.Second)
		say("0")
		if took := <-done - before; took < 10 || took > 10.3 {
			t.Errorf("a read whose limit was lifted after 10 s took %.2f s", took)
		}
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
		before = time.Since(start).Seconds()
		near(t, "a read without the file", serve(t, d, block.Read, 64*mib, start), before)
	})
}

func TestRateRefuses(t *testing.T) {
	for word, want := range map[string]string{
		"rate=0":             "cannot be 0",
		"rate=10 M":          "suffix",
		"rate=":              "not a size",
		"connection-rate=-1": "negative",
		"burstiness=-1":      "0 or more",
		"burstiness=NaN":     "0 or more",
		"burstiness=x":       "0 or more",
		"rate-file=":         "empty",
	} {
		key, value, _ := strings.Cut(word, "=")
		p, ok := (&rateBuilder{}).Table().Lookup(key)
		if !ok {
			t.Fatalf("no parameter %s", key)
		}
		if err := p.Apply(value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", word, err, want)
		}
	}
	b := &rateBuilder{}
	p, _ := b.Table().Lookup("rate")
	if err := p.Apply("1M"); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply("1M"); err == nil {
		t.Error("a rate that is set twice is taken")
	}
}
