package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What one session recorded is shown again, on the same dashboard.
func TestRecordAndReplay(t *testing.T) {
	peer(t, "nbdcopy")
	file := filepath.Join(t.TempDir(), "session.ndjson")
	r := quiet(t, "--record="+file, "memory", "64M", "--run", `nbdcopy "$nbd" null: && exit 3`)
	if r.code != 3 {
		t.Fatalf("status %d: %s", r.code, r.stderr)
	}
	x := inTerminal(t, 80, 24, "replay", file, "--speed=20")
	x.Shows("[FAILED]  child exited 3")
	x.Shows("100.0%")
	x.Shows("the recording ends here")
	x.Shows("REPLAY x20")
	x.Type("d")
	x.Shows("this is a recording")
	x.Type("\x01?") // there is nothing to type to
	x.Shows("any key closes")
	x.Type(" q")
	if code := x.Wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	x.Sane()
}

// What the child prints is recorded, too; the recording has an end even where the session was killed.
func TestReplayingACutOffRecording(t *testing.T) {
	file := filepath.Join(t.TempDir(), "session.ndjson")
	x := inTerminal(t, 80, 24, "--record", file, "memory", "64M", "--run", `seq -f 'line %g.' 100; printf '\033[31mred %s\033[m' words; read x`)
	x.Shows("red words")
	x.Type("p")
	x.Shows("[P] PAUSED")
	x.Until("a recording of it", func(string) bool { // looks again at the latest when the dashboard's clock moves
		b, _ := os.ReadFile(file)
		return strings.Contains(string(b), `"paused"`)
	})
	x.Cmd.Process.Kill()
	x.Wait()
	guardGone(t, x)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(b, `{"Snapshot":{"Ti`...), 0o600); err != nil {
		t.Fatal(err)
	}
	x = inTerminal(t, 120, 40, "replay", "--speed", "50", file)
	x.Shows("red words")
	x.Shows("the recording ends here:")
	x.Type("7g") // what has left the command's screen
	x.Shows("line 1.")
	x.Type("q")
	x.Wait()
	x.Sane()
}

// A disk that is full ends the recording and nothing else.
func TestRecordingToAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatal(err)
	}
	r := quiet(t, "--record=/dev/full", "memory", "64M", "--run", "sleep 0.5; exit 4")
	if r.code != 4 || !strings.Contains(r.stderr, "write the recording: write /dev/full: no space left on device") {
		t.Errorf("status %d, %q", r.code, r.stderr)
	}
}

func TestReplayRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"replay":                    "name one recording",
		"replay a b":                "name one recording",
		"replay " + empty:           "needs a terminal",
		"replay --speed=fast x":     "say a number",
		"replay --speed=0 x":        "say a number",
		"--record=/nowhere/x null":  "--record: open /nowhere/x",
		"replay --thema=x " + empty: "unknown option",
	} {
		if r := quiet(t, strings.Fields(args)...); r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: status %d, %q", args, r.code, r.stderr)
		}
	}
}
