package filters

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
	"example.com/nbdtui/internal/param"
)

// knob finds a knob of a stack as it is now.
func knob(t *testing.T, s *blocktest.Stack, name string) block.Knob {
	t.Helper()
	for _, k := range s.Knobs() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("there is no knob %s", name)
	return block.Knob{}
}

// turn turns a knob and looks whether it says so.
func turn(t *testing.T, s *blocktest.Stack, name, value string) {
	t.Helper()
	if err := knob(t, s, name).Set(value); err != nil {
		t.Fatalf("%s=%s: %v", name, value, err)
	}
	if got := knob(t, s, name).Value; got != value {
		t.Errorf("%s is %s, want %s", name, got, value)
	}
}

// Every knob is a parameter too, takes what it says, and keeps it where it refuses.
func TestEveryKnobTakesWhatItSays(t *testing.T) {
	for filter, words := range map[string][]string{
		"rate":  {"rate=10M"},
		"delay": {"rdelay=1.5", "wdelay=200ms", "delay-zero=10us", "delay-extents=50ns"},
		"error": {"error=ENOSPC", "error-rate=10%", "error-pread-rate=0.07"},
	} {
		s := over(t, filter, words...)
		r, _ := block.Lookup(block.Filter, filter)
		if len(s.Knobs()) == 0 {
			t.Errorf("%s has no knobs", filter)
		}
		for _, k := range s.Knobs() {
			p, ok := r.New().Table().Lookup(k.Name)
			if !ok || p.Kind != k.Kind {
				t.Errorf("%s: the knob %s of kind %s is the parameter %+v", filter, k.Name, k.Kind, p)
			}
			if k.Value == "" {
				continue
			}
			if err := k.Set(k.Value); err != nil || knob(t, s, k.Name).Value != k.Value {
				t.Errorf("%s: %s=%s: %v, and it is %s", filter, k.Name, k.Value, err, knob(t, s, k.Name).Value)
			}
			if err := k.Set("-1"); err == nil || knob(t, s, k.Name).Value != k.Value {
				t.Errorf("%s: %s=-1: %v, and it is %s", filter, k.Name, err, knob(t, s, k.Name).Value)
			}
		}
	}
	if v := knob(t, over(t, "error", "error-pread-rate=1"), "error-rate").Value; v != "" {
		t.Errorf("a share that is not one value is %q", v)
	}
}

func TestADelayIsTurnedWhileRequestsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := over(t, "delay", "rdelay=3600", "delay-fast-zero=false")
		d := s.Open(t, block.OpenRequest{})
		start := time.Now()
		done := make(chan error)
		go func() { done <- do(t.Context(), d, block.Read, 0) }()
		time.Sleep(time.Second)
		turn(t, s, "delay-read", "5")
		time.Sleep(time.Second)
		turn(t, s, "delay-read", "3")
		if err := <-done; err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("the request that waited: %v after %v, want 3s in all", err, time.Since(start))
		}
		turn(t, s, "delay-read", "0")
		if err := do(t.Context(), d, block.Read, 0); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("the next: %v after %v", err, time.Since(start))
		}
		turn(t, s, "delay-zero", "1")
		if err := do(t.Context(), d, block.WriteZeroes, block.FastZero); !errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("a fast zero that is delayed now: %v", err)
		}
		turn(t, s, "delay-open", "2")
		start = time.Now()
		s.Open(t, block.OpenRequest{})
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("opened after %v, want 2s", took)
		}
	})
}

func TestARateIsTurnedWhileRequestsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := rateStack(t)
		d := s.Open(t, block.OpenRequest{})
		start := time.Now()
		near(t, "a read without a limit", serve(t, d, block.Read, 64*mib, start), 0)
		turn(t, s, "connection-rate", "8M")
		near(t, "a read from a full bucket", serve(t, d, block.Read, 2*mib, start), 0)
		near(t, "the next", serve(t, d, block.Read, mib, start), 1)
		turn(t, s, "connection-rate", "1k")
		done := make(chan float64)
		go func() { done <- serve(t, d, block.Read, 10*mib, start) }()
		time.Sleep(10 * time.Second)
		turn(t, s, "connection-rate", "0")
		if took := <-done - 1; took < 10 || took > 10.3 {
			t.Errorf("a read whose limit was lifted after 10 s took %.2f s", took)
		}
		near(t, "a read without a limit again", serve(t, d, block.Read, 64*mib, time.Now()), 0)
	})
}

// What a file says, a knob does not.
func TestARateFileIsNotOverruled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rate")
	if err := os.WriteFile(path, []byte("1M"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := knob(t, rateStack(t, "rate-file="+path), "rate").Set("2M")
	var hint *param.Hint
	if !errors.As(err, &hint) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, %+v", err, hint)
	}
}

func TestErrorsAreTurnedOnAndOff(t *testing.T) {
	s := over(t, "error")
	d := s.Open(t, block.OpenRequest{})
	try := func(want map[block.Cmd]error) {
		t.Helper()
		for cmd := range block.Cmd(block.Commands) {
			if err := do(t.Context(), d, cmd, 0); !errors.Is(err, want[cmd]) || err != nil && !strings.Contains(err.Error(), fmt.Sprint(cmd)) {
				t.Errorf("%v: %v, want %v", cmd, err, want[cmd])
			}
		}
	}
	try(nil)
	turn(t, s, "error-pwrite-rate", "100%")
	turn(t, s, "error-pwrite", "ENOSPC")
	try(map[block.Cmd]error{block.Write: syscall.ENOSPC})
	turn(t, s, "error-rate", "100%")
	try(map[block.Cmd]error{block.Read: syscall.EIO, block.Write: syscall.ENOSPC, block.Trim: syscall.EIO,
		block.WriteZeroes: syscall.EIO, block.Cache: syscall.EIO, block.BlockStatus: syscall.EIO})
	turn(t, s, "error-rate", "0%")
	try(nil)
}

// A filter whose knobs are at rest lets a request by that may not wait; one that was turned sends it to those who may.
func TestKnobsAtRestCostNoWorker(t *testing.T) {
	for filter, value := range map[string][2]string{"rate": {"rate", "1G"}, "delay": {"delay-read", "10ns"}, "error": {"error-rate", "50%"}} {
		s := over(t, filter)
		door := s.Open(t, block.OpenRequest{})
		ask := func() error {
			a := block.GetAnswer(false)
			defer a.Put()
			return door.Serve(t.Context(), block.Request{Cmd: block.Read, Flags: block.NoWait, Length: 512}, a.Reply())
		}
		if err := ask(); err != nil {
			t.Errorf("%s at rest: %v", filter, err)
		}
		turn(t, s, value[0], value[1])
		if err := ask(); err != block.ErrWait {
			t.Errorf("%s turned: %v", filter, err)
		}
		if r, _ := block.Lookup(block.Filter, filter); !r.Prompt {
			t.Errorf("%s sends every request to a worker", filter)
		}
	}
}
