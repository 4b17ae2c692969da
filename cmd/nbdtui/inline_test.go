package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
)

// The inline strip stands below the command's output, which becomes the terminal's own.
func TestInline(t *testing.T) {
	x := inTerminal(t, 80, 24, "--inline", "memory", "1M", "--run", `printf 'before\n'; read n; seq -f 'line %g.' $n; read x; exit 3`)
	x.Shows("[LISTENING]")
	x.Shows("^A child")
	screen := x.Shows("before")
	if rows := strings.Split(screen, "\n"); rows[0] != "before" || !strings.HasPrefix(rows[1], "[LISTENING]") || !strings.Contains(rows[4], "p pause") {
		t.Errorf("the screen is\n%s", screen)
	}
	x.Type("p")
	x.Shows("[P] PAUSED")
	x.Type("r?z")
	x.Resize(70, 20)
	x.Until("a strip of the new size", func(s string) bool {
		rows := strings.Split(s, "\n")
		return rows[0] == "before" && strings.HasPrefix(rows[1], "[LISTENING]") && !strings.Contains(s, "PAUSED") && rows[5] == ""
	})
	x.Type("\x01300\r\x01")
	x.Shows("line 300.")
	x.Shows("^A child")
	screen = x.Text()
	if rows := strings.Split(screen, "\n"); !strings.HasPrefix(rows[16], "[") || strings.Count(screen, "LISTENING")+strings.Count(screen, "RESUMED") != 1 {
		t.Errorf("the screen is\n%s", screen)
	}
	x.Type("\x01\r")
	if code := x.Wait(); code != 3 {
		t.Errorf("exit status %d", code)
	}
	x.Sane()
	if out := x.Output(); strings.Contains(out, "\x1b[?1049") {
		t.Error("the alternate screen was used")
	}
	screen = x.Text()
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
	x.Look(func(screen *vt.Emulator) {
		for i := range screen.ScrollbackLen() {
			all.WriteString(screen.Scrollback().Line(i).String() + "\n")
		}
	})
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
	x.Shows("line 3.")
	x.Shows("p pause")
	x.Cmd.Process.Kill()
	x.Wait()
	guardGone(t, x)
	x.Sane()
	rows := strings.Split(x.Text(), "\n")
	if rows[0] != "line 1." || rows[2] != "line 3." || !strings.Contains(x.Text(), "nbdtui: error: killed") || strings.Contains(x.Output(), "\x1b[?1049") {
		t.Errorf("the screen is\n%s", x.Text())
	}
}
