package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every key of the panels, in a real terminal with a real client: rates and faults are turned while the session runs,
// the map is roamed, events are filtered, and a snapshot is saved.
func TestSteeringARunningSession(t *testing.T) {
	peer(t, "nbdsh")
	dir := t.TempDir()
	read := `PATH=/usr/bin:$PATH nbdsh -u "$nbd" -c "h.pread(65536, 512 * 1024 * 1024)" 2>&1 | tail -1`
	cmd := exec.Command(program, "--allow-faults", "memory", "1G", "--run", "while read x; do "+read+"; echo read $?.; done")
	cmd.Dir = dir
	x := onTerminalOf(t, []string{"TMPDIR=" + tempDir(t)}, 120, 40, cmd)
	x.shows("FAULTS")
	x.keys("t")
	x.shows("[tune]")
	x.keys("\r\x7f50M\r")
	x.shows("rate: rate=50M, was 0")
	x.keys("0")
	x.shows("rate: rate=0, was 50M")
	for range 30 {
		x.keys("j") // to a knob of the error filter, the last of them
	}
	x.keys("kkkkkkkkkkkkk") // error-rate: thirteen before the last
	x.keys("100%\r")
	x.shows("error: error-rate=100%")
	x.keys("\x1b")
	x.until("the panel closed", func(s string) bool { return !strings.Contains(s, "[tune]") })
	x.keys("\x01go\r\x01")
	x.shows("failed the read")
	x.shows("err 1")
	x.keys("t0")
	x.shows("error: error-rate=0%")
	x.keys("t\x01go\r\x01")
	x.until("a read that succeeds", func(s string) bool { return strings.Contains(s, "read            2  64.0 KiB") })

	x.keys("2")
	x.shows("[map]")
	x.keys("\x1b[B") // the middle of two rows
	x.shows("read 64.0K  failed 64.0K")
	x.keys("++++")
	x.shows("[map from")
	x.keys("0")
	x.shows("[map]")
	x.keys("5")
	x.shows("[request mix]")
	x.shows("to 64K")
	x.keys("z8")
	x.shows("[in flight 0]")
	x.keys("/error-\r")
	x.shows("[events /error-]")
	x.until("other events go", func(s string) bool {
		return strings.Contains(s, "error-rate") && !strings.Contains(s, "child started")
	})
	x.keys("\x1b")
	x.shows("left without a word")

	x.keys("s")
	x.shows("snapshot written to")
	files, err := filepath.Glob(filepath.Join(dir, "nbdtui-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the directory has %v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var snapshot struct {
		State  string
		Totals map[string]struct{ Requests, Errors int }
	}
	if err := json.Unmarshal(text, &snapshot); err != nil || snapshot.State != "running" || snapshot.Totals["read"].Errors != 1 {
		t.Errorf("saved: %v, %+v", err, snapshot)
	}
	x.keys("q")
	x.shows("[s]top all")
	x.keys("s")
	x.wait()
	x.sane()
}
