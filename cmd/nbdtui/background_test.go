package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// --background ends with 0 when clients can come, and what it was started from need not wait for more.
func TestBackground(t *testing.T) {
	peer(t, "nbdinfo")
	dir := t.TempDir()
	socket, pid := filepath.Join(dir, "s"), filepath.Join(dir, "pid")
	temp := tempDir(t)
	run := func(args ...string) (string, error) {
		cmd := exec.Command(program, append([]string{"--background"}, args...)...)
		cmd.Env = append(os.Environ(), "TMPDIR="+temp)
		out, err := cmd.CombinedOutput() // which ends when nobody has our end of the pipe any more
		return string(out), err
	}
	out, err := run("--print-uri", "-P", pid, "-U", socket, "memory", "1M")
	if err != nil || out != "nbd+unix://?socket="+socket+"\n" {
		t.Fatalf("%q, %v", out, err)
	}
	server := pids(t, pid, 1)[0]
	if out, err := exec.Command("nbdinfo", "--size", "nbd+unix://?socket="+socket).CombinedOutput(); err != nil || string(out) != "1048576\n" {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := run("-U", socket, "memory", "1M"); err == nil || !strings.Contains(out, "another process listens there") {
		t.Errorf("a second one: %q, %v", out, err)
	}
	syscall.Kill(server, syscall.SIGTERM)
	gone(t, "the server", server)
	for _, path := range []string{socket, pid} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("left behind: %s", path)
		}
	}
	for line, want := range map[string]string{
		"file /no/such":        "no such file",
		"nosuch":               "unknown plugin",
		"memory 1M -u no:body": "unknown user",
	} {
		if out, err := run(append([]string{"-U", socket}, strings.Fields(line)...)...); err == nil || strings.Count(out, "error: ") != 1 ||
			!strings.Contains(out, want) {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
}
