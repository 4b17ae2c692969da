package main

import (
	"strconv"
	"strings"
	"testing"
)

// The inline strip stands below the command's output, which becomes the terminal's own.
func TestInline(t *testing.T) {
	x := inTerminal(t, 80, 24, "--inline", "memory", "1M", "--run", `printf 'before\n'; read n; seq -f 'line %g.' $n; read x; exit 3`)
	x.shows("[LISTENING]")
	x.shows("^A child")
	screen := x.shows("before")
	if rows := strings.Split(screen, "\n"); rows[0] != "before" || !strings.HasPrefix(rows[1], "[LISTENING]") || !strings.Contains(rows[4], "p pause") {
		t.Errorf("the screen is\n%s", screen)
	}
	x.keys("p")
	x.shows("[P] PAUSED")
	x.keys("r?z")
	x.resize(70, 20)
	x.until("a strip of the new size", func(s string) bool {
		rows := strings.Split(s, "\n")
		return rows[0] == "before" && strings.HasPrefix(rows[1], "[LISTENING]") && !strings.Contains(s, "PAUSED") && rows[5] == ""
	})
	x.keys("\x01300\r\x01")
	x.shows("line 300.")
	x.shows("^A child")
	screen = x.text()
	if rows := strings.Split(screen, "\n"); !strings.HasPrefix(rows[16], "[") || strings.Count(screen, "LISTENING")+strings.Count(screen, "RESUMED") != 1 {
		t.Errorf("the screen is\n%s", screen)
	}
	x.keys("\x01\r")
	if code := x.wait(); code != 3 {
		t.Errorf("exit status %d", code)
	}
	x.sane()
	if out := x.output(); strings.Contains(out, "\x1b[?1049") {
		t.Error("the alternate screen was used")
	}
	screen = x.text()
	for _, gone := range []string{"LISTENING", "p pause"} {
		if strings.Contains(screen, gone) {
			t.Errorf("%q is left\n%s", gone, screen)
		}
	}
	if !strings.Contains(screen, "line 300.\n") || !strings.Contains(screen, "exited 3") {
		t.Errorf("at the end the screen is\n%s", screen)
	}
	// Every line is there once, in order, on the screen or above it.
	var all strings.Builder
	for i := range x.screen.ScrollbackLen() {
		all.WriteString(x.screen.Scrollback().Line(i).String() + "\n")
	}
	all.WriteString(screen)
	text := all.String()
	for at, i := 0, 1; i <= 300; i++ {
		line := "line " + strconv.Itoa(i) + ".\n"
		next := strings.Index(text[at:], line)
		if next < 0 || strings.Count(text, line) != 1 {
			t.Fatalf("%q stands %d times in\n%s", line, strings.Count(text, line), text)
		}
		at += next
	}
}

// Killed outright, the strip leaves the terminal in order, and what was above it alone.
func TestAKilledStrip(t *testing.T) {
	x := inTerminal(t, 80, 24, "--inline", "memory", "1M", "--run", `seq -f 'line %g.' 3; read x`)
	x.shows("line 3.")
	x.shows("p pause")
	x.cmd.Process.Kill()
	x.wait()
	x.guardGone()
	x.sane()
	rows := strings.Split(x.text(), "\n")
	if rows[0] != "line 1." || rows[2] != "line 3." || !strings.Contains(x.text(), "nbdtui: error: killed") || strings.Contains(x.output(), "\x1b[?1049") {
		t.Errorf("the screen is\n%s", x.text())
	}
}
