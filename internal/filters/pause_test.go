package filters

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
	"example.com/nbdtui/internal/param"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pauseStack is the filter over memory, and its socket.
func pauseStack(t *testing.T) (s *blocktest.Stack, socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pause") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	return blocktest.Build(t, false,
		blocktest.Layer{Kind: block.Filter, Name: "pause", Words: []string{"pause-control=" + socket}},
		blocktest.Layer{Kind: block.Plugin, Name: "memory", Words: []string{"size=1M"}}), socket
}

// control connects a controller that gives up after half a minute.
func control(t *testing.T, socket string) *net.UnixConn {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.UnixConn)
}

func send(t *testing.T, c net.Conn, commands string) {
	t.Helper()
	if _, err := c.Write([]byte(commands)); err != nil {
		t.Fatal(err)
	}
}

// expect reads exactly so many answers.
func expect(t *testing.T, c net.Conn, answers string) {
	t.Helper()
	got := make([]byte, len(answers))
	if n, err := io.ReadFull(c, got); string(got) != answers {
		t.Errorf("answers %q, %v, want %q", got[:n], err, answers)
	}
}

// inFlight takes a request past the gate, and returns what ends it.
func inFlight(t *testing.T, g *block.Gate) (leave func()) {
	t.Helper()
	lane := g.Lane()
	if err := lane.Enter(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return func() {
		lane.Leave()
		lane.Close()
	}
}

// until waits for the gate to be in a state.
func until(t *testing.T, g *block.Gate, want block.GateState) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for g.Status().State != want {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the gate is %v, want %v", g.Status().State, want)
		}
	}
}

func TestPauseCommands(t *testing.T) {
	for _, c := range []struct{ commands, answers string }{
		{"p", "P"}, {"r", "R"}, {"pr", "PR"}, {"pp", "PP"}, {"rr", "RR"}, {"prprprpr", "PRPRPRPR"},
		{"p\nr\n", "PR"}, {" \t\np \t\n", "P"}, {"x", "X"}, {"PR", "XX"}, {"\r\x00", "XX"}, {"p?r", "PXR"},
		{strings.Repeat("pr", 500), strings.Repeat("PR", 500)},
	} {
		_, socket := pauseStack(t)
		conn := control(t, socket)
		send(t, conn, c.commands)
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || string(got) != c.answers {
			t.Errorf("%.20q: answers %.20q, %v, want %.20q", c.commands, got, err, c.answers)
		}
	}
}

func TestPauseAnswersOnlyWhenDrained(t *testing.T) {
	s, socket := pauseStack(t)
	leave := inFlight(t, s.Gate)
	c := control(t, socket)
	send(t, c, "pr")
	if err := c.CloseWrite(); err != nil { // it still gets both answers
		t.Fatal(err)
	}
	until(t, s.Gate, block.Pausing)
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d answers with a request in flight, %v", n, err)
	}
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	leave()
	expect(t, c, "PR")
}

func TestPauseIsCancelledByAnother(t *testing.T) {
	s, socket := pauseStack(t)
	leave := inFlight(t, s.Gate)
	defer leave()
	waits, other := control(t, socket), control(t, socket)
	send(t, waits, "p")
	until(t, s.Gate, block.Pausing)
	send(t, other, "r")
	expect(t, other, "R")
	expect(t, waits, "R")
	send(t, waits, "p")
	until(t, s.Gate, block.Pausing)
	s.Gate.Resume() // the keyboard
	expect(t, waits, "R")
}

func TestPauseHoldsRequestsUntilResumed(t *testing.T) {
	s, socket := pauseStack(t)
	d := s.Open(t, block.OpenRequest{})
	c := control(t, socket)
	send(t, c, "p")
	expect(t, c, "P")
	done := make(chan error)
	for _, r := range []block.Request{{Cmd: block.Read, Length: 10}, {Cmd: block.Flush}} {
		a := block.GetAnswer(false)
		prompt := r
		prompt.Flags = block.NoWait
		if err := d.Serve(t.Context(), prompt, a.Reply()); err != block.ErrWait {
			t.Errorf("%v under NoWait while paused: %v, want ErrWait", r.Cmd, err)
		}
		go func() {
			defer a.Put()
			done <- d.Serve(t.Context(), r, a.Reply())
		}()
	}
	select {
	case err := <-done:
		t.Fatalf("a request was served while paused: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	c.Close() // the pause stays
	if s.Probe.Served.Load() != 0 || s.Gate.Status().State != block.Paused {
		t.Errorf("%d requests were served, the gate is %v", s.Probe.Served.Load(), s.Gate.Status().State)
	}
	c = control(t, socket)
	send(t, c, "r")
	expect(t, c, "R")
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestManyControllers(t *testing.T) {
	_, socket := pauseStack(t)
	var group sync.WaitGroup
	for range 20 {
		c := control(t, socket)
		group.Go(func() {
			for range 20 {
				if _, err := c.Write([]byte("pr")); err != nil {
					t.Error(err)
				}
				got := make([]byte, 2)
				if _, err := io.ReadFull(c, got); err != nil || got[0] != 'P' && got[0] != 'R' || got[1] != 'R' {
					t.Errorf("answers %q, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}

func TestPauseSocketIsPrivateAndRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	b := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: "pause", Words: []string{"pause-control=sock"}})
	l, err := b.Build(block.Host{Gate: block.NewGate(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat("sock"); err == nil {
		t.Error("Build made the socket already")
	}
	t.Chdir(t.TempDir()) // a relative path means where it was given
	if err := l.(block.Starter).Start(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(dir, "sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v, want mode 0600", info, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "sock")); err == nil {
		t.Error("Close left the socket")
	}
}

func TestPauseReplacesOnlyADeadSocket(t *testing.T) {
	_, live := pauseStack(t)
	dir := t.TempDir()
	t.Chdir(dir)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: "dead", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if err := os.WriteFile("file", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, ok := range map[string]bool{"dead": true, "file": false, live: false, "none/sock": false} {
		b := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: "pause", Words: []string{"pause-control=" + path}})
		l, err := b.Build(block.Host{Gate: block.NewGate(nil)})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.(block.Starter).Start(); (err == nil) != ok {
			t.Errorf("start at %s: %v", path, err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("close at %s: %v", path, err)
		}
	}
	if b, err := os.ReadFile("file"); string(b) != "precious" {
		t.Errorf("the file that was there: %q, %v", b, err)
	}
	if c := control(t, live); c != nil {
		send(t, c, "r")
		expect(t, c, "R")
	}
}

func TestPauseRefusesBadPaths(t *testing.T) {
	for _, path := range []string{"", "/" + strings.Repeat("x", 107)} {
		p, _ := (&pauseBuilder{}).Table().Lookup("pause-control")
		if err := p.Apply(path); err == nil {
			t.Errorf("a path of %d bytes is taken", len(path))
		}
	}
	p, _ := (&pauseBuilder{}).Table().Lookup("pause-control")
	var hint *param.Hint
	if err := p.Apply("/" + strings.Repeat("x", 107)); !errors.As(err, &hint) {
		t.Errorf("%v has no hint", err)
	}
}

// The end of the session ends controllers that wait, those that are idle, and those that came last.
func TestPauseEndsWithTheSession(t *testing.T) {
	gate := block.NewGate(nil)
	path := filepath.Join(t.TempDir(), "s")
	b := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: "pause", Words: []string{"pause-control=" + path}})
	l, err := b.Build(block.Host{Gate: gate})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.(block.Starter).Start(); err != nil {
		t.Fatal(err)
	}
	leave := inFlight(t, gate)
	waits, idle := control(t, path), control(t, path)
	send(t, waits, "p")
	until(t, gate, block.Pausing)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range []net.Conn{waits, idle} {
		if got, _ := io.ReadAll(c); len(got) != 0 {
			t.Errorf("answers %q, want none", got)
		}
	}
	leave()
}

func TestPauseOfAStoppedGateHasNoAnswer(t *testing.T) {
	for _, command := range []string{"p", "r"} {
		s, socket := pauseStack(t)
		s.Gate.Stop()
		c := control(t, socket)
		send(t, c, command)
		if got, _ := io.ReadAll(c); len(got) != 0 {
			t.Errorf("%s: answers %q, want none", command, got)
		}
	}
	s, socket := pauseStack(t)
	leave := inFlight(t, s.Gate)
	defer leave()
	c := control(t, socket)
	send(t, c, "p")
	until(t, s.Gate, block.Pausing)
	s.Gate.Stop()
	if got, _ := io.ReadAll(c); len(got) != 0 {
		t.Errorf("answers %q, want none", got)
	}
}

func TestPauseWithRateOutstanding(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	s := blocktest.Build(t, false,
		blocktest.Layer{Kind: block.Filter, Name: "pause", Words: []string{"pause-control=" + socket}},
		blocktest.Layer{Kind: block.Filter, Name: "rate", Words: []string{"rate=8M", "burstiness=0"}},
		blocktest.Layer{Kind: block.Plugin, Name: "memory", Words: []string{"size=1M"}})
	d := s.Open(t, block.OpenRequest{})
	start := time.Now()
	read := make(chan error, 1)
	go func() { read <- d.ReadInto(context.Background(), make([]byte, 256<<10), 0, 0) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.Gate.Status().InFlight == 0 {
		<-tick.C
	}
	c := control(t, socket)
	send(t, c, "p")
	expect(t, c, "P")
	if took := time.Since(start); took < 240*time.Millisecond {
		t.Errorf("P came after %v, before the request's sleep was over", took)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}
