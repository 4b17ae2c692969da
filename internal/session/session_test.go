package session

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/client"
	"example.com/nbdtui/internal/param"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// start configures and starts a session on a private socket.
func start(t testing.TB, c Config, plugin string, filters []string, words ...string) *Session {
	t.Helper()
	return startOn(t, Listen{Private: true}, c, plugin, filters, words...)
}

// startOn does so on any socket.
func startOn(t testing.TB, listen Listen, c Config, plugin string, filters []string, words ...string) *Session {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	stack, err := Configure(plugin, filters, words)
	if err != nil {
		t.Fatal(err)
	}
	c.Stack, c.Listen = stack, listen
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown(ByUser, "the test is over")
		await(t, "the end", s.Done())
		if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return s
}

func await(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
}

// A command that cannot be run is found out when clients are served already: they are let go, and nothing stays.
func TestAStartThatFailsLateLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	stack, err := Configure("eval", nil, []string{"get_size=echo 1M", "unload=touch \"$UNLOADED\""})
	if err != nil {
		t.Fatal(err)
	}
	unloaded := filepath.Join(t.TempDir(), "unloaded")
	t.Setenv("UNLOADED", unloaded)
	_, err = Start(Config{Stack: stack, Listen: Listen{Private: true}, Run: strings.Repeat(" ", 1<<20)})
	if !errors.Is(err, syscall.E2BIG) {
		t.Errorf("%v, want E2BIG", err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(unloaded); err != nil {
		t.Errorf("the layers were not closed: %v", err)
	}
}

// A person who asks twice does not wait for the child's grace.
func TestASecondShutdownEndsTheGrace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ready")
	s := start(t, Config{Grace: time.Hour, Run: `trap '' HUP TERM; touch ` + file + `; while :; do sleep 0.05; done`},
		"memory", nil, "1M")
	for deadline := time.Now().Add(patience); ; <-time.After(5 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the child never got ready")
		}
	}
	s.Shutdown(ByUser, "once")
	for s.stop.left(time.Now()) == 0 { // until the grace has begun
		<-time.After(time.Millisecond)
	}
	s.Shutdown(ByUser, "twice")
	await(t, "the end", s.Done())
	if code, _ := s.Wait(); code != 137 {
		t.Errorf("status %d, want that of a killed child", code)
	}
}

// What is asked in order is done in order, though no verb waits.
func TestPauseAndResumeInOrder(t *testing.T) {
	s := start(t, Config{}, "memory", nil, "1M")
	for range 1000 {
		s.Pause()
		s.Resume()
	}
	if st := s.gate.Status(); st.State != block.Running {
		t.Errorf("after the last resume the gate is %v", st.State)
	}
	s.Resume()
	s.Pause()
	if st := s.gate.Status(); st.State != block.Paused || st.Pauses != 1001 {
		t.Errorf("after the last pause: %+v", st)
	}
}

// The Snapshot of a session with a child on a terminal tells what happened, and is there after the end.
func TestTheSnapshot(t *testing.T) {
	s := start(t, Config{Terminal: true, Watched: true, Run: `nbdcopy "$nbd" null: && exit 5`}, "memory", nil, "64K")
	if n := s.Snapshot(); n.Size != 64<<10 || n.Source != "memory 64K" || n.State != Listening {
		t.Errorf("before anything: %+v", n)
	}
	if c := s.Snapshot().Child; c == nil || c.Pid != 0 {
		t.Errorf("the child started before its terminal had a size: %+v", c)
	}
	s.Resize(80, 24)
	if code, err := s.Wait(); code != 5 || err != nil {
		t.Fatalf("status %d, %v", code, err)
	}
	n := s.Snapshot()
	if n.State != Ended || n.Seen == 0 || len(n.Clients) != 0 || n.InFlight != 0 || n.Held != 0 {
		t.Errorf("at the end: %+v", n)
	}
	if n.Totals[block.BlockStatus].Requests == 0 || n.Totals.Errors() != 0 {
		t.Errorf("what was done: %+v", n.Totals)
	}
	if n.Child == nil || n.Child.Status.Code != 5 || n.Child.Ended.IsZero() {
		t.Errorf("the child: %+v", n.Child)
	}
	var texts []string
	for _, e := range n.Events {
		texts = append(texts, e.Text)
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{"listening at nbd+unix://", "child started, pid", "client 1", "child exited 5"} {
		if !strings.Contains(all, want) {
			t.Errorf("no event says %q:\n%s", want, all)
		}
	}
}

func TestEventsKeepTheNewest(t *testing.T) {
	var l log
	for i := range maxEvents + 7 {
		l.add(Info, "%d", i)
	}
	list := l.list()
	if len(list) != maxEvents || list[0].Text != "7" || list[maxEvents-1].Seq != maxEvents+7 {
		t.Errorf("%d events, from %+v to %+v", len(list), list[0], list[len(list)-1])
	}
	if &l.list()[0] != &list[0] {
		t.Error("the list was made again though nothing had happened")
	}
}

// A standard error that takes nothing holds up nobody but those who read it.
func TestWhoIsToldMayBlock(t *testing.T) {
	let := make(chan struct{})
	var told []string
	s := start(t, Config{Event: func(e Event) {
		<-let
		told = append(told, e.Text)
	}}, "memory", nil, "1M")
	for range 100 {
		c, err := client.Dial(t.Context(), s.URI()) // each is an event or two
		if err != nil {
			t.Fatal(err)
		}
		s.Pause()
		s.Resume()
		c.Close()
	}
	s.Shutdown(ByUser, "the test is over")
	eventually(t, "the end begins", func() bool { return State(s.phase.Load()) >= Stopping })
	close(let)
	await(t, "the end", s.Done())
	if list := s.log.list(); len(told) != len(list) || told[len(told)-1] != list[len(list)-1].Text {
		t.Errorf("%d events were told of %d", len(told), len(list))
	}
	s.Note(Info, "one more")
	if told[len(told)-1] != "one more" {
		t.Error("what comes late is not told")
	}
}

func TestRatesAreOfTheLastSecond(t *testing.T) {
	var w window
	now := time.Now()
	var c block.Counts
	var read Rate
	for range 30 { // three seconds of 10 MB/s
		read, _ = w.rates(now, c)
		now = now.Add(samplePeriod)
		c[block.Read].Bytes += 1e6
		c[block.Read].Requests++
	}
	if read.Bytes < 9.9e6 || read.Bytes > 10.1e6 || read.Requests < 9.9 || read.Requests > 10.1 {
		t.Errorf("steady: %+v", read)
	}
	for range rateWindow + 1 { // a second of nothing
		read, _ = w.rates(now, c)
		now = now.Add(samplePeriod)
	}
	if read != (Rate{}) {
		t.Errorf("after a second of nothing: %+v", read)
	}
}

func TestHistoryIsAMinuteOfWholeSeconds(t *testing.T) {
	var p sampler
	now := time.Now()
	for range 100 * 10 {
		p.second(now, false)
		now = now.Add(samplePeriod)
		p.sums.totals[block.Write].Bytes += 100
	}
	h := p.history
	if len(h) != historyLen {
		t.Fatalf("%d seconds", len(h))
	}
	for i, s := range h {
		if s.Written != 1000 || s.Read != 0 {
			t.Errorf("second %d: %+v", i, s)
		}
	}
}

// spoiler is a filter that cannot close.
type spoiler struct{}

func init() {
	block.Register(block.Registration{Kind: block.Filter, Name: "spoiler", Prompt: true, New: func() block.Builder { return spoiler{} }})
}

func (spoiler) Table() param.Table                    { return param.Table{} }
func (spoiler) Build(block.Host) (block.Layer, error) { return spoiler{}, nil }
func (spoiler) Close() error                          { return errors.New("the disk is full") }
func (spoiler) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	return below(ctx, o)
}

// A server that failed is a failure where the command succeeded; else the command's status says more.
func TestTheStatusWhereTheServerFailed(t *testing.T) {
	for run, want := range map[string]int{"": 1, "exit 0": 1, "exit 3": 3, "kill -KILL $$": 137} {
		s := start(t, Config{Run: run}, "memory", []string{"spoiler"}, "1M")
		if run == "" {
			s.Shutdown(ByUser, "the test")
		}
		if code, err := s.Wait(); code != want || err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("%q: status %d, %v, want %d", run, code, err, want)
		}
	}
}
