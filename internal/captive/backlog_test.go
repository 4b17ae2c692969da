package captive

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// printed is n bytes in numbered lines.
func printed(from, n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "%09d\n", from+b.Len())
	}
	return b.Bytes()[:n]
}

// drained takes as console.show does, for as long as there is something now, each piece taking the time cost.
func drained(b *backlog, cost time.Duration) (data []byte, skips int) {
	buf := make([]byte, 4<<10)
	for {
		p := b.take(buf)
		if p.data == nil {
			return data, skips
		}
		if p.skipped {
			skips++
		}
		data = append(data, p.data...)
		time.Sleep(cost) // of the bubble
		b.charge(len(p.data), cost)
	}
}

func TestABurstIsShownWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(false)
		want := printed(0, burst)
		b.put(want, nil)
		if got, skips := drained(b, 0); !bytes.Equal(got, want) || skips != 0 {
			t.Errorf("%d bytes and %d skips", len(got), skips)
		}
	})
}

func TestOutputWithinTheBudgetIsShownWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(false)
		shown := 0
		for range 1000 {
			b.put(printed(0, budget/100), nil)
			time.Sleep(10 * time.Millisecond)
			data, skips := drained(b, 0)
			if shown += len(data); skips != 0 {
				t.Fatalf("skipped after %d bytes", shown)
			}
		}
	})
}

func TestOutputBeyondTheBudgetIsSkippedToTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(false)
		start, put, shown, skips := time.Now(), 0, 0, 0
		var last []byte
		for range 300 {
			b.put(printed(put, 40_000), nil)
			put += 40_000
			time.Sleep(10 * time.Millisecond)
			data, n := drained(b, 0)
			shown, skips = shown+len(data), skips+n
			last = data
			if b.data.Len() > window+slack+burst || b.data.Cap() > 4*burst {
				t.Fatalf("%d bytes wait in %d", b.data.Len(), b.data.Cap())
			}
		}
		if skips == 0 {
			t.Error("nothing was skipped")
		}
		if most := burst + budget*int(time.Since(start)/time.Second) + 8<<10; shown > most {
			t.Errorf("%d bytes were shown, more than %d", shown, most)
		}
		for range 100 { // it is calm, and the rest is shown
			time.Sleep(10 * time.Millisecond)
			data, _ := drained(b, 0)
			last = append(last, data...)
		}
		if want := printed(put-40_000, 40_000); !bytes.HasSuffix(last, want) {
			t.Error("the newest output is missing")
		}
	})
}

func TestOutputThatIsHardToShowIsSkippedSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(false)
		shown := 0
		skips := 0
		for range 1000 {
			b.put(printed(0, 4<<10), nil)
			time.Sleep(10 * time.Millisecond)
			data, n := drained(b, 50*time.Millisecond)
			shown, skips = shown+len(data), skips+n
		}
		if waits := b.data.Len(); waits > window+slack || shown < 100<<10 || skips == 0 {
			t.Errorf("%d bytes wait, %d were shown, %d skips", waits, shown, skips)
		}
	})
}

func TestSkippingStartsAtALineAndKeepsTheModes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(false)
		b.put([]byte("\x1b[?1049h\x1b[?25;2004;3h\x1b[?1049l\x1b[31;1m\x1b[?7"), nil)
		b.put(printed(0, burst), nil)
		b.put(printed(burst, burst), nil)
		p := b.take(make([]byte, 10))
		if !p.skipped || p.data[9] != '\n' {
			t.Errorf("it goes on with %q", p.data)
		}
		if want := "\x1b[?25h\x1b[?1049l\x1b[?2004h"; string(p.modes) != want {
			t.Errorf("the modes are %q, want %q", p.modes, want)
		}
		if p := b.take(make([]byte, 10)); p.skipped || p.modes != nil {
			t.Errorf("and again: %+v", p)
		}
		drained(b, 0)
		p = b.take(nil)
		if p.calm || p.wait != calmAfter {
			t.Errorf("just after it: %+v", p)
		}
		time.Sleep(p.wait)
		if p := b.take(nil); !p.calm || p.wait != 0 {
			t.Errorf("a second after it: %+v", p)
		}
	})
}

func TestHoldingLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(true)
		want := printed(0, 4*burst)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for p := range slices.Chunk(want, 32<<10) {
				b.put(p, nil)
			}
		}()
		var got []byte
		start := time.Now()
		for len(got) < len(want) {
			synctest.Wait()
			if n := b.data.Len(); n > window+32<<10 {
				t.Fatalf("%d bytes wait", n)
			}
			p := b.take(make([]byte, 4<<10))
			if p.data == nil {
				time.Sleep(max(p.wait, time.Millisecond))
			}
			got = append(got, p.data...)
		}
		<-done
		if !bytes.Equal(got, want) {
			t.Error("something was lost")
		}
		if took, least := time.Since(start), 5*time.Second; took < least {
			t.Errorf("4 MiB were shown in %v", took)
		}
	})
}

func TestClosingEndsAHeldPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(true)
		closing := make(chan struct{})
		b.put(printed(0, window), closing)
		go b.put(printed(0, 1), closing)
		synctest.Wait()
		close(closing)
	})
}

func TestWhatIsLeftBehindIsShownWithoutABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(true)
		b.credit = -budget
		b.put(printed(0, 60<<10), nil)
		if data, _ := drained(b, 0); data != nil {
			t.Error("there was a budget")
		}
		shown := b.rush()
		b.put(printed(0, burst), nil) // held no more
		b.last()
		b.put(printed(0, 100), nil) // a background process
		if data, skips := drained(b, 0); len(data) < 60<<10+burst || skips != 0 {
			t.Errorf("%d bytes and %d skips", len(data), skips)
		}
		<-shown
	})
}

func TestAtTheEndLinesThatWouldScrollAwayAreSkipped(t *testing.T) {
	for _, lines := range []int{0, 1, 1000, 1500, 50_000} {
		synctest.Test(t, func(t *testing.T) {
			b := newBacklog(false)
			all := append(printed(0, 10*lines), "no end of line"...)
			b.put(all, nil)
			shown := b.rush()
			b.last()
			data, skips := drained(b, 0)
			<-shown
			if !bytes.HasSuffix(all, data) || len(data) < min(len(all), 10*scrollback) || skips != 0 && lines < scrollback {
				t.Errorf("of %d lines %d bytes were shown, with %d skips", lines, len(data), skips)
			}
			if len(data) > 10*(scrollback+maxHeight+2) {
				t.Errorf("of %d lines %d bytes were shown", lines, len(data))
			}
		})
	}
}

func TestRushingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(false)
		all := bytes.Repeat([]byte("\r 12.34%"), burst/8) // one line
		b.put(all, nil)
		start := time.Now()
		shown := b.rush()
		b.last()
		data, _ := drained(b, 100*time.Millisecond)
		<-shown
		if took := time.Since(start); took > 2*rushFor {
			t.Errorf("it took %v", took)
		}
		if len(data) > burst/2 || !bytes.HasSuffix(data, all[len(all)-rushed/2:]) {
			t.Error("the newest output is missing")
		}
	})
}

func TestAFloodIsDrainedAndItsEndIsKept(t *testing.T) {
	c := onTerminal(t, "yes 'a line of it' | head -c 40000000; seq 2000")
	flooded := shows(t, c, "that it skips", func(s Screen) bool { return s.Skipped })
	sound(t, flooded)
	ended(t, c)
	last := c.Tail(1000)
	for i, line := range last {
		if want := strconv.Itoa(1001 + i); line != want {
			t.Fatalf("line %d of the tail is %q, want %q", i, line, want)
		}
	}
	if n := c.console.backlog.data.Cap(); n > 4*burst {
		t.Errorf("the backlog takes %d bytes", n)
	}
	shows(t, c, "that it is calm", func(s Screen) bool { return !s.Skipped })
}

func TestAFloodLeavesTheAlternateScreen(t *testing.T) {
	c := onTerminal(t, `printf '\033[?1049h'; echo full screen; read x
		yes | head -c 3000000; printf '\033[?1049l'; yes | head -c 10000000; echo the end`)
	says(t, c, "full screen")
	c.Write([]byte("\n"))
	ended(t, c)
	if s := says(t, c, "the end"); s.AltScreen {
		t.Error("it is still there")
	}
}

func TestAHeldChildIsNotSkipped(t *testing.T) {
	c := onTerminal(t, "seq 40000", func(c *Config) { c.Wait = true })
	for running := true; running; {
		select {
		case <-c.Changed():
			if c.Screen().Skipped {
				t.Fatal("output was skipped")
			}
		case <-c.Done():
			running = false
		case <-time.After(patience):
			t.Fatal("it does not end")
		}
	}
	if diff := cmp.Diff([]string{"39999", "40000"}, c.Tail(2)); diff != "" {
		t.Error(diff)
	}
}

func TestCloseEndsAHeldChild(t *testing.T) {
	c := onTerminal(t, "yes", func(c *Config) { c.Wait = true })
	says(t, c, "y")
	c.Kill()
	c.Close()
	ended(t, c)
}
