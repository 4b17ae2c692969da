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
	x.Shows("FAULTS")
	x.Type("t")
	x.Shows("[tune]")
	x.Type("\r\x7f50M\r")
	x.Shows("rate: rate=50M, was 0")
	x.Type("0")
	x.Shows("rate: rate=0, was 50M")
	for range 30 {
		x.Type("j") // to a knob of the error filter, the last of them
	}
	x.Type("kkkkkkkkkkkkk") // error-rate: thirteen before the last
	x.Type("100%\r")
	x.Shows("error: error-rate=100%")
	x.Type("\x1b")
	x.Until("the panel closed", func(s string) bool { return !strings.Contains(s, "[tune]") })
	x.Type("\x01go\r\x01")
	x.Shows("failed the read")
	x.Shows("err 1")
	x.Type("t0")
	x.Shows("error: error-rate=0%")
	x.Type("t\x01go\r\x01")
	x.Until("a read that succeeds", func(s string) bool { return strings.Contains(s, "read            2  64.0 KiB") })

	x.Type("2")
	x.Shows("[map]")
	x.Type("\x1b[B") // the middle of two rows
	x.Shows("read 64.0K  failed 64.0K")
	x.Type("++++")
	x.Shows("[map from")
	x.Type("0")
	x.Shows("[map]")
	x.Type("5")
	x.Shows("[request mix]")
	x.Shows("to 64K")
	x.Type("z8")
	x.Shows("[in flight 0]")
	x.Type("/error-\r")
	x.Shows("[events /error-]")
	x.Until("other events go", func(s string) bool {
		return strings.Contains(s, "error-rate") && !strings.Contains(s, "child started")
	})
	x.Type("\x1b")
	x.Shows("left without a word")

	x.Type("s")
	x.Shows("snapshot written to")
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
	x.Type("q")
	x.Shows("[s]top all")
	x.Type("s")
	x.Wait()
	x.Sane()
}
