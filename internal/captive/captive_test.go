package captive

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"
)

// patience is what a busy machine may need for anything here.
const patience = 30 * time.Second

// parentOf makes the test binary start a child and wait to be killed; see TestTheShellDiesWithUs.
const parentOf = "CAPTIVE_TEST_PARENT_OF"

func TestMain(m *testing.M) {
	if command := os.Getenv(parentOf); command != "" {
		beParent(command)
	}
	goleak.VerifyTestMain(m)
}

// onTerminal starts command on a terminal of 80x24; more changes the rest.
func onTerminal(t *testing.T, command string, more ...func(*Config)) *Child {
	t.Helper()
	cfg := Config{Command: command, Env: os.Environ(), Pty: true, Width: 80, Height: 24}
	for _, f := range more {
		f(&cfg)
	}
	c, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func sized(width, height int) func(*Config) {
	return func(c *Config) { c.Width, c.Height = width, height }
}

// ended waits for Done and returns the status.
func ended(t *testing.T, c *Child) Status {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatalf("the child does not end; its screen:\n%s", text(c.Screen().Lines))
	}
	return c.Status()
}

// shows waits until the screen satisfies ok.
func shows(t *testing.T, c *Child, what string, ok func(Screen) bool) Screen {
	t.Helper()
	late := time.After(patience)
	for {
		s := c.Screen()
		if ok(s) {
			return s
		}
		select {
		case <-c.Changed():
		case <-late:
			t.Fatalf("the screen never shows %s, but\n%s", what, text(s.Lines))
		}
	}
}

// says waits until the screen has some text.
func says(t *testing.T, c *Child, want string) Screen {
	t.Helper()
	return shows(t, c, fmt.Sprintf("%q", want), func(s Screen) bool {
		return strings.Contains(text(s.Lines), want)
	})
}

// text is lines without their SGR sequences.
func text(lines []string) string { return ansi.Strip(strings.Join(lines, "\n")) }

// missing skips for what this machine lacks, but never in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
