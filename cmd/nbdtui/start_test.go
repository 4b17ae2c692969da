package main

import (
	"strings"
	"testing"
)

// What cannot start says so on the terminal as it was, without a dashboard in between.
func TestStartErrorsOnATerminal(t *testing.T) {
	for line, says := range map[string]string{
		"file /no/such":                        "/no/such: no such file",
		"memory 1M -p 1 -U -":                  "-U and -p exclude one another",
		"memory 1M -P /no/such/pid --run true": "write the process id",
		"memory 1M -U - -u no:body":            "unknown user",
		"--filter=pause memory 1M":             "pause-control= must be given",
		"--filter=pause memory 1M pause-control=/no/such/control --run true": "/no/such/control",
	} {
		x := inTerminal(t, 80, 24, strings.Fields(line)...)
		if code := x.Wait(); code != 1 {
			t.Errorf("%s: exit status %d", line, code)
		}
		guardGone(t, x)
		x.Sane()
		if s := x.Text(); !strings.Contains(s, "nbdtui: error: ") || !strings.Contains(strings.ReplaceAll(s, "\n", ""), says) {
			t.Errorf("%s: the screen is\n%s", line, s)
		}
		if strings.Contains(x.Output(), "\x1b[?1049h") {
			t.Errorf("%s: the dashboard was there", line)
		}
	}
}

func TestADashboardNeedsAPlaceForItsReports(t *testing.T) {
	x := inTerminalWith(t, []string{"TMPDIR=/no/such"}, 120, 24, "memory", "1M", "-p", "0")
	code := x.Wait()
	x.Sane()
	if code != 1 || !strings.Contains(x.Text(), "nbdtui: hint: set TMPDIR") {
		t.Errorf("exit status %d, and on the screen:\n%s", code, x.Text())
	}
}
