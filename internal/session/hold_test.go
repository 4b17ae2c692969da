package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/nbdtui/internal/captive"
)

// sees waits for a Snapshot that ok accepts.
func sees(t *testing.T, s *Session, what string, ok func(n Snapshot) bool) Snapshot {
	t.Helper()
	late := time.After(patience)
	for {
		n := s.Snapshot()
		if ok(n) {
			return n
		}
		select {
		case <-s.Changed():
		case <-late:
			t.Fatalf("waited in vain for %s: %+v", what, n)
		}
	}
}

func ended(run int) func(n Snapshot) bool {
	return func(n Snapshot) bool { return n.Child.Run == run && !n.Child.Ended.IsZero() }
}

// A held session's child is run again on the same server, and the last run's status is the session's.
func TestAHeldChildRunsAgain(t *testing.T) {
	runs := filepath.Join(t.TempDir(), "runs")
	s := start(t, Config{Terminal: true, Watched: true, Hold: HoldAlways, Run: `echo $nbd >>` + runs + `
		test $(wc -l <` + runs + `) = 1 && nbdcopy "$nbd" null:
		stty size; exit $(wc -l <` + runs + `)`}, "memory", nil, "64K")
	s.Rerun() // it has not even started
	s.Resize(80, 24)
	n := sees(t, s, "the first run's end", ended(1))
	if n.State != Running || n.Child.Status.Code != 1 {
		t.Errorf("after the first run: %v, %v", n.State, n.Child.Status)
	}
	sees(t, s, "coverage", func(n Snapshot) bool { return n.Progress.Done == 64<<10 })
	s.Resize(70, 20)
	s.Pause()
	again(t, s, 2)
	n = sees(t, s, "the second run's end", ended(2))
	if n.State != Running || n.Progress.Done != 0 || n.Totals == (Snapshot{}.Totals) {
		t.Errorf("after the second run: %v, %+v", n.State, n.Progress)
	}
	if tail := s.Tail(-1); len(tail) != 1 || tail[0] != "20 70" {
		t.Errorf("the second run printed %q", tail)
	}
	again(t, s, 3)
	sees(t, s, "the third run's end", ended(3))
	s.Shutdown(ByUser, "enough")
	if code, err := s.Wait(); code != 3 || err != nil {
		t.Errorf("status %d, %v; want the last run's 3", code, err)
	}
	if b, _ := os.ReadFile(runs); string(b) != s.URI()+"\n"+s.URI()+"\n"+s.URI()+"\n" {
		t.Errorf("the runs found %q", b)
	}
}

// again asks until it is heard: the session may still be putting the last run away.
func again(t *testing.T, s *Session, run int) {
	t.Helper()
	sees(t, s, "another run", func(n Snapshot) bool {
		if n.Child.Run < run {
			s.Rerun()
		}
		return n.Child.Run == run
	})
}

func TestHold(t *testing.T) {
	for _, c := range []struct {
		hold   Hold
		status captive.Status
		want   bool
	}{
		{HoldNever, captive.Status{Code: 1}, false},
		{HoldError, captive.Status{}, false},
		{HoldError, captive.Status{Code: 1}, true},
		{HoldError, captive.Status{Signal: 9}, true},
		{HoldAlways, captive.Status{}, true},
	} {
		if got := c.hold.after(c.status); got != c.want {
			t.Errorf("hold %d after %v: %v", c.hold, c.status, got)
		}
	}
}
