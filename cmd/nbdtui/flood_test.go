package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A program of the command's that ignores every signal it may and prints without end, on a terminal that takes nothing,
// neither keeps clients from being served nor fills the memory; and it does not outlive the command (row 94 of hostile
// input; the others are in internal/nbd).
func TestACommandThatMeansHarm(t *testing.T) {
	peer(t, "nbdcopy", "cmp")
	dir := t.TempDir()
	file, door, socket := filepath.Join(dir, "pid"), filepath.Join(dir, "door"), filepath.Join(dir, "s")
	if err := syscall.Mkfifo(door, 0o600); err != nil {
		t.Fatal(err)
	}
	disk := image(t, 32)
	x := inTerminal(t, 80, 24, "file", disk, "-U", socket, "--run", fmt.Sprintf(
		`(trap "" HUP INT QUIT TERM; exec yes) & echo $! >%[1]s.new; mv %[1]s.new %[1]s; read word <%[2]s; exit 7`, file, door))
	yes := pids(t, file, 1)[0]
	x.Shows("y")
	thaw := x.Freeze()
	for range 4 {
		copied := filepath.Join(dir, "copy")
		out, err := exec.Command("sh", "-c", `nbdcopy "nbd+unix:///?socket=`+socket+`" `+copied+" && cmp "+disk+" "+copied).CombinedOutput()
		if err != nil {
			t.Errorf("a copy beside it: %v\n%s", err, out)
		}
	}
	if mib := resident(t, x.Cmd); mib > 200 {
		t.Errorf("it has filled %.0f MiB", mib)
	}
	thaw()
	if !alive(yes) {
		t.Error("it did not last so long")
	}
	if err := os.WriteFile(door, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if code := x.Wait(); code != 7 {
		t.Errorf("status %d", code)
	}
	gone(t, "what prints", yes)
}
