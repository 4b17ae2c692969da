package block

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// paused is what a Pause returned.
type paused struct {
	state GateState
	err   error
}

// pause runs Pause beside the test.
func pause(ctx context.Context, g *Gate) <-chan paused {
	c := make(chan paused, 1)
	go func() {
		s, err := g.Pause(ctx)
		c <- paused{s, err}
	}()
	return c
}

// silent fails the test where a Pause has returned; for use after synctest.Wait.
func silent(t *testing.T, c <-chan paused, why string) {
	t.Helper()
	select {
	case p := <-c:
		t.Fatalf("Pause returned %v, %v, %s", p.state, p.err, why)
	default:
	}
}

func enter(t *testing.T, l *Lane) {
	t.Helper()
	if err := l.Enter(t.Context(), 0); err != nil {
		t.Fatalf("Enter: %v", err)
	}
}

func TestPauseWaitsForEveryLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(nil)
		one, two := g.Lane(), g.Lane()
		enter(t, one)
		enter(t, two)
		enter(t, two)
		p := pause(t.Context(), g)
		synctest.Wait()
		for i, leave := range []*Lane{two, one, two} {
			silent(t, p, "with requests in flight")
			if s := g.Status(); s.State != Pausing || s.InFlight != 3-i {
				t.Errorf("status %+v, want Pausing with %d in flight", s, 3-i)
			}
			leave.Leave()
			synctest.Wait()
		}
		if got := <-p; got != (paused{Paused, nil}) {
			t.Errorf("Pause returned %+v", got)
		}
		if got := <-pause(t.Context(), g); got != (paused{Paused, nil}) {
			t.Errorf("a second Pause returned %+v", got)
		}
	})
}

func TestPauseOfAnIdleGateIsAtOnce(t *testing.T) {
	g := NewGate(nil)
	g.Lane()
	if s, err := g.Pause(t.Context()); s != Paused || err != nil {
		t.Errorf("Pause returned %v, %v", s, err)
	}
}

func TestResumeCancelsADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(nil)
		l := g.Lane()
		enter(t, l)
		first := pause(t.Context(), g)
		synctest.Wait()
		g.Resume()
		enter(t, l) // the gate is open
		second := pause(t.Context(), g)
		synctest.Wait()
		if got := <-first; got != (paused{Running, nil}) {
			t.Errorf("the Pause that was cancelled returned %+v", got)
		}
		silent(t, second, "with requests in flight")
		l.Leave()
		l.Leave()
		if got := <-second; got != (paused{Paused, nil}) {
			t.Errorf("the Pause that was not returned %+v", got)
		}
	})
}

// A Pause that was cancelled says so even if the next one has drained before it woke up.
func TestCancelledPauseNeverAnswersForTheNext(t *testing.T) {
	g := NewGate(nil)
	l := g.Lane()
	for range 1000 {
		enter(t, l)
		p := pause(t.Context(), g)
		for g.Status().State != Pausing {
			runtime.Gosched()
		}
		g.Resume()
		l.Leave()
		g.Shut()
		if got := <-p; got != (paused{Running, nil}) || g.Status().State != Paused {
			t.Fatalf("Pause returned %+v, the gate is %v", got, g.Status().State)
		}
		g.Resume()
	}
}

func TestPauseEndsWithItsContextAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(nil)
		l := g.Lane()
		enter(t, l)
		ctx, cancel := context.WithCancel(t.Context())
		p := pause(ctx, g)
		synctest.Wait()
		cancel()
		if got := <-p; !errors.Is(got.err, context.Canceled) {
			t.Errorf("Pause returned %+v", got)
		}
		l.Leave()
		if s := g.Status(); s.State != Paused {
			t.Errorf("the gate is %v, want Paused: the pause outlives who asked", s.State)
		}
	})
}

func TestHeldRequests(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(g *Gate, cancel func())
		want error
	}{
		"go on with Resume":      {func(g *Gate, _ func()) { g.Resume() }, nil},
		"end with Stop":          {func(g *Gate, _ func()) { g.Stop() }, ErrShutdown},
		"end with their context": {func(_ *Gate, cancel func()) { cancel() }, ErrShutdown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewGate(nil)
				l := g.Lane()
				g.Shut()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				held := make(chan error)
				for range 3 {
					go func() { held <- l.Enter(ctx, 0) }()
				}
				synctest.Wait()
				if l.Held() != 3 || l.InFlight() != 0 {
					t.Errorf("%d held and %d in flight, want 3 and 0", l.Held(), l.InFlight())
				}
				if err := l.Enter(ctx, NoWait); err != ErrWait {
					t.Errorf("Enter with NoWait: %v, want ErrWait", err)
				}
				c.end(g, cancel)
				for range 3 {
					if err := <-held; err != c.want {
						t.Errorf("Enter: %v, want %v", err, c.want)
					}
				}
				if l.Held() != 0 {
					t.Errorf("%d are still held", l.Held())
				}
			})
		})
	}
}

func TestStopIsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(nil)
		l := g.Lane()
		enter(t, l)
		p := pause(t.Context(), g)
		synctest.Wait()
		g.Stop()
		if got := <-p; got != (paused{Stopped, nil}) {
			t.Errorf("Pause returned %+v", got)
		}
		l.Leave()
		g.Resume()
		g.Shut()
		if err := l.Enter(t.Context(), 0); err != ErrShutdown {
			t.Errorf("Enter: %v, want ErrShutdown", err)
		}
		if s := g.Status().State; s != Stopped {
			t.Errorf("the gate is %v", s)
		}
	})
}

// An Enter that comes while the gate closes is counted for a moment. Where the drain has met it there, what takes it
// back must end the drain: nothing else may ever do so.
func TestAnEnterThatIsTakenBackEndsTheDrain(t *testing.T) {
	g := NewGate(nil)
	l := g.Lane()
	l.entered.Add(1) // the first half of Enter
	g.Shut()
	l.entered.Add(-1)
	if s := g.Status().State; s != Pausing {
		t.Fatalf("the gate is %v, want Pausing", s)
	}
	if err := l.Enter(t.Context(), NoWait); err != ErrWait {
		t.Errorf("Enter: %v, want ErrWait", err)
	}
	if s := g.Status().State; s != Paused {
		t.Errorf("the gate is %v, want Paused", s)
	}
}

// What ends a session passes a stopped gate, and nothing else does.
func TestTheLastFlushPassesAStoppedGate(t *testing.T) {
	g := NewGate(nil)
	l, other := g.Lane(), g.Lane()
	g.Shut()
	g.Stop()
	l.Last()
	enter(t, l)
	l.Leave()
	if err := other.Enter(t.Context(), 0); err != ErrShutdown {
		t.Errorf("another client's Enter: %v, want ErrShutdown", err)
	}
}

func TestAClientThatLeavesIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(nil)
		l, other := g.Lane(), g.Lane()
		enter(t, other)
		p := pause(t.Context(), g)
		synctest.Wait()
		l.Close()
		synctest.Wait()
		silent(t, p, "with another client's request in flight")
		other.Leave()
		other.Close()
		if got := <-p; got.state != Paused {
			t.Errorf("Pause returned %+v", got)
		}
	})
}

func TestGateTellsEachChangeWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []GateStatus
		g := NewGate(func(s GateStatus) { told = append(told, s) })
		l := g.Lane()
		enter(t, l)
		time.Sleep(time.Second)
		g.Shut()
		time.Sleep(2 * time.Second)
		l.Leave()
		time.Sleep(4 * time.Second)
		if s := g.Status(); s.PausedFor != 4*time.Second || s.Pauses != 1 {
			t.Errorf("paused for %v, %d times; want 4s, once", s.PausedFor, s.Pauses)
		}
		g.Resume()
		g.Resume()
		want := []struct {
			state    GateState
			took     time.Duration
			inFlight int
		}{{Pausing, time.Second, 1}, {Paused, 2 * time.Second, 0}, {Running, 4 * time.Second, 0}}
		if len(told) != len(want) {
			t.Fatalf("told %d changes, want %d", len(told), len(want))
		}
		for i, w := range want {
			if got := told[i]; got.State != w.state || got.Took != w.took || got.InFlight != w.inFlight {
				t.Errorf("change %d is %+v, want %+v", i, got, w)
			}
		}
	})
}

// TestNothingIsPastAPausedGate is the promise that a snapshot stands on: many clients hammer, somebody pauses again
// and again, and whenever Pause says Paused nobody is inside, and nobody gets in.
func TestNothingIsPastAPausedGate(t *testing.T) {
	const lanes, workers, pauses = 8, 3, 300
	g := NewGate(nil)
	var inside, served atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range lanes {
		l := g.Lane()
		for w := range workers {
			group.Go(func() {
				var f Flags
				if w == 0 {
					f = NoWait
				}
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch err := l.Enter(t.Context(), f); err {
					case nil:
						inside.Add(1)
						served.Add(1)
						runtime.Gosched()
						inside.Add(-1)
						l.Leave()
					case ErrWait:
						runtime.Gosched()
					default:
						t.Errorf("Enter: %v", err)
						return
					}
				}
			})
		}
	}
	group.Go(func() { // clients come and go meanwhile
		for {
			select {
			case <-stop:
				return
			default:
				l := g.Lane()
				if l.Enter(t.Context(), NoWait) == nil {
					l.Leave()
				}
				l.Close()
				runtime.Gosched()
			}
		}
	})
	defer group.Wait()
	defer close(stop)
	for range pauses {
		if s, err := g.Pause(t.Context()); s != Paused || err != nil {
			t.Errorf("Pause returned %v, %v", s, err)
		}
		before := served.Load()
		for range 10 {
			if n := inside.Load(); n != 0 {
				t.Fatalf("%d requests are inside a paused gate", n)
			}
			runtime.Gosched()
		}
		if n := served.Load() - before; n != 0 {
			t.Fatalf("%d requests were served by a paused gate", n)
		}
		if s := g.Status(); s.State != Paused || s.InFlight != 0 {
			t.Fatalf("a paused gate says %+v", s)
		}
		g.Resume()
	}
}

func BenchmarkGate(b *testing.B) {
	g := NewGate(nil)
	l := g.Lane()
	b.ReportAllocs()
	for b.Loop() {
		if l.Enter(b.Context(), 0) == nil {
			l.Leave()
		}
	}
}

func BenchmarkGateManyLanes(b *testing.B) {
	g := NewGate(nil)
	ctx := b.Context()
	b.RunParallel(func(p *testing.PB) {
		l := g.Lane()
		for p.Next() {
			if l.Enter(ctx, 0) == nil {
				l.Leave()
			}
		}
	})
}
