package captive

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatusIsHowTheShellEnded(t *testing.T) {
	for command, want := range map[string]Status{
		"":                              {},
		"exit 3":                        {Code: 3},
		"/no/such/program":              {Code: 127},
		"kill -KILL $$":                 {Signal: syscall.SIGKILL},
		"kill -PIPE $$; exit 4":         {Signal: syscall.SIGPIPE}, // not ignored, as nbdkit would leave it
		"sh -c 'kill -TERM $$'; exit 5": {Code: 5},
		"if":                            {Code: 2}, // a syntax error
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			if got := ended(t, onTerminal(t, command)); got != want {
				t.Errorf("on a terminal: %v, want %v", got, want)
			}
			if got := ended(t, off(t, Config{Command: command})); got != want {
				t.Errorf("off a terminal: %v, want %v", got, want)
			}
		})
	}
}

// off starts a child that has no terminal.
func off(t *testing.T, cfg Config) *Child {
	t.Helper()
	cfg.Env = os.Environ()
	c, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		c.Close()
	})
	return c
}

// pipe gives a file for the child and a function that returns all it wrote, once it has ended.
func pipe(t *testing.T) (*os.File, func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return w, func() string {
		w.Close()
		all, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		return string(all)
	}
}

func TestOffATerminalTheChildHasTheRealStdio(t *testing.T) {
	in, err := os.Open("child_test.go")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	want, _ := os.ReadFile("child_test.go")
	out, all := pipe(t)
	c := off(t, Config{Command: "cat; printf 'a\\r\\n\\0' >&2", Stdin: in, Stdout: out, Stderr: out})
	if s := ended(t, c); s != (Status{}) {
		t.Errorf("it %v", s)
	}
	if diff := cmp.Diff(string(want)+"a\r\n\x00", all()); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("typing without a terminal succeeds")
	}
	if c.Tail(-1) != nil || c.Changed() != nil || c.Screen().Width != 0 {
		t.Error("there is a screen without a terminal")
	}
	c.Resize(3, 3)
}

// field is the nth field of /proc/PID/stat: 5 is the process group, 6 the session.
func field(t *testing.T, pid, n int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.Fields(rest)[n-3]
}

func TestGroupsAndSessions(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		missing(t, err.Error())
	}
	ours := fmt.Sprint(syscall.Getpgrp())

	c := onTerminal(t, "read x")
	if pid := fmt.Sprint(c.Pid()); field(t, c.Pid(), 5) != pid || field(t, c.Pid(), 6) != pid {
		t.Error("on a terminal the shell does not lead a session")
	}

	in, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c = off(t, Config{Command: "read x; exit", Stdin: in})
	if field(t, c.Pid(), 5) != fmt.Sprint(c.Pid()) {
		t.Error("off a terminal the shell does not lead a group")
	}

	_, slave, err := openPty(80, 24)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	c = off(t, Config{Command: "read x; exit", Stdin: slave})
	if field(t, c.Pid(), 5) != ours {
		t.Error("where stdin is a terminal the shell is not in our group")
	}
}

// A program that handles TERM alone is left to finish: a HUP would kill it.
func TestEndLeavesWhoHandlesTermAlone(t *testing.T) {
	c := onTerminal(t, `trap 'echo got TERM; exit 7' TERM; echo ready; while :; do sleep 0.1; done`)
	says(t, c, "ready")
	c.End()
	if s := ended(t, c); s != (Status{Code: 7}) {
		t.Errorf("it %v and printed %q", s, text(c.Tail(-1)))
	}
	c.End() // to nobody
	c.Kill()
}

// A shell with a prompt ignores TERM, and ends on HUP.
func TestEndHangsUpOnWhoIgnoresTerm(t *testing.T) {
	c := onTerminal(t, `trap '' TERM; trap 'echo got HUP; exit 8' HUP; echo ready; while :; do sleep 0.1; done`)
	says(t, c, "ready")
	c.End()
	if s := ended(t, c); s != (Status{Code: 8}) {
		t.Errorf("it %v and printed %q", s, text(c.Tail(-1)))
	}
}

func TestEndWakesAStoppedChild(t *testing.T) {
	c := onTerminal(t, "echo ready; kill -STOP $$; exit 9")
	says(t, c, "ready")
	c.End()
	if s := ended(t, c); s.Signal != syscall.SIGHUP && s.Signal != syscall.SIGTERM {
		t.Errorf("it %v", s)
	}
}

func TestEndReachesTheWholeGroup(t *testing.T) {
	inner := `sh -c "trap 'echo inner ended; exit 0' TERM; trap '' HUP; echo ready; while :; do read x || sleep 0.1; done"`
	c := onTerminal(t, "trap : HUP TERM; "+inner+"; echo outer $?")
	says(t, c, "ready")
	c.End()
	ended(t, c)
	if got := text(c.Tail(-1)); !strings.Contains(got, "inner ended") || !strings.Contains(got, "outer 0") {
		t.Errorf("it printed %q", got)
	}
}

func TestKillEndsWhatIgnoresEverything(t *testing.T) {
	c := onTerminal(t, "trap '' HUP TERM INT; echo ready; while :; do sleep 1; done")
	says(t, c, "ready")
	c.End()
	c.Kill()
	if s := ended(t, c); s.Signal != syscall.SIGKILL {
		t.Errorf("it %v", s)
	}
}

func TestABackgroundProcessDoesNotKeepUs(t *testing.T) {
	c := onTerminal(t, "trap '' HUP; sleep 1000 & echo $!; exit 3")
	start := time.Now()
	if s := ended(t, c); s != (Status{Code: 3}) {
		t.Errorf("it %v", s)
	}
	var pid int
	fmt.Sscan(text(c.Tail(1)), &pid)
	if pid == 0 || syscall.Kill(pid, 0) != nil {
		t.Fatalf("no process %d was left", pid)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("it took %v", took)
	}
}

func TestABackgroundProcessOffATerminalDoesNotKeepUs(t *testing.T) {
	out, all := pipe(t)
	c := off(t, Config{Command: "sleep 1000 >/dev/null & echo $!", Stdout: out})
	ended(t, c)
	var pid int
	fmt.Sscan(all(), &pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("kill %d: %v", pid, err)
	}
}

func TestStartThatFailsLeavesNothing(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		c, err := Start(Config{Command: "no\x00argument", Pty: terminal})
		if c != nil || err == nil || !strings.Contains(err.Error(), "/bin/sh") {
			t.Errorf("Start: %v, %v", c, err)
		}
	}
}
