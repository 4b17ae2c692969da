package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// An event that has happened before the start: all is well, nothing is run and nothing is left. As nbdkit does.
func TestAnEventBeforeTheStartIsASuccess(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	for _, word := range []string{"exit-when-file-created=/", "exit-when-file-deleted=/nonexistent", "exit-when-script=exit 88"} {
		r := quiet(t, "--filter=exitwhen", "memory", "1M", word, "--run", "touch "+ran)
		if r.code != 0 || r.stdout+r.stderr != "" {
			t.Errorf("%s: status %d, %q %q", word, r.code, r.stdout, r.stderr)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Errorf("%s: the command was run", word)
		}
	}
	if r := quiet(t, "--filter=exitwhen", "memory", "1M", "exit-when-file-created=/nonexistent", "--run", "touch "+ran+"; exit 3"); r.code != 3 {
		t.Errorf("no event: status %d, %s", r.code, r.stderr)
	}
}

// The end of what is watched ends a server, though it was started by another and has no client.
func TestTheEndOfAPipeEndsAServer(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(tempDir(t), "s")
	cmd, _, stderr := command(t, "-U", socket, "--filter=exitwhen", "memory", "1M", "exit-when-pipe-closed=3")
	cmd.ExtraFiles = []*os.File{r}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	awaitSocket(t, socket)
	fmt.Fprint(w, "still here")
	w.Close()
	cmd.Wait()
	if status(cmd) != 0 || stderr.Len() > 0 {
		t.Errorf("status %d, %s", status(cmd), stderr)
	}
}
