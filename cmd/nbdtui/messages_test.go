package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

func TestAMessageMovesNoCursor(t *testing.T) {
	var b strings.Builder
	newMessages(&b).fail(errors.New("a\x1b[2Jb\u009b2Jc\x7fd\ne\n"))
	if b.String() != "nbdtui: error: a [2Jb 2Jc d; e\n" {
		t.Errorf("%q", b.String())
	}
}

// failing reads what the disk no longer has, so that there is something to tell.
const failing = `PATH=/usr/bin:$PATH nbdsh -u "$nbd" -c '
import os
os.truncate(os.environ["disk"], 0)
try: h.pread(4096, 4096)
except nbd.Error: pass
'; cat`

// Under the dashboard a message goes to the list of events, and to standard error too where that is elsewhere: not
// where it is the dashboard's terminal, by whatever name.
func TestMessagesUnderTheDashboard(t *testing.T) {
	peer(t, "nbdsh")
	file := filepath.Join(t.TempDir(), "stderr")
	master, other, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer other.Close()
	run := func(redirect string) (written string) {
		disk := image(t, 1)
		x := onTerminalOf(t, []string{"TMPDIR=" + tempDir(t), "disk=" + disk}, 200, 40,
			exec.Command("/bin/sh", "-c", `exec "$@" `+redirect, "sh", program, "-D", "x.y=1", "file", disk, "--run", failing))
		s := x.Shows("read of 4096 bytes")
		for _, want := range []string{"-D x.y: nothing has this debug flag", "client 1 (unix pid "} {
			if !strings.Contains(s, want) {
				t.Errorf("%s: no event says %q:\n%s", redirect, want, s)
			}
		}
		x.Type("qs")
		x.Wait()
		x.Sane()
		return x.Output()
	}
	const message = "nbdtui: error: client 1 (unix pid "
	for _, redirect := range []string{"", "2>&1", "2>/dev/tty"} {
		if strings.Contains(run(redirect), message) {
			t.Errorf("%s: a message was written into the dashboard", redirect)
		}
	}
	run("2>" + file)
	got, err := os.ReadFile(file)
	if rows := strings.Split(string(got), "\n"); err != nil || len(rows) != 3 ||
		rows[0] != "nbdtui: warning: -D x.y: nothing has this debug flag" || !strings.HasPrefix(rows[1], message) {
		t.Errorf("a file has %q, %v", got, err)
	}
	run("2>" + other.Name())
	other.Close()
	if got, _ := io.ReadAll(master); !strings.Contains(string(got), message) { // with an error at the end, as terminals have
		t.Errorf("another terminal has %q", got)
	}
}
