package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// result is how a run off a terminal went.
type result struct {
	stdout, stderr string
	code           int
}

// command prepares a run off a terminal, with a directory for temporary files of its own.
func command(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tempDir(t))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd, &stdout, &stderr
}

// tempDir is short enough for a socket's path, and must be empty at the end: a run leaves nothing behind.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		os.RemoveAll(dir)
	})
	return dir
}

func quiet(t *testing.T, args ...string) result {
	t.Helper()
	cmd, stdout, stderr := command(t, args...)
	cmd.Run()
	return result{stdout.String(), stderr.String(), status(cmd)}
}

func TestExitStatusIsTheCommands(t *testing.T) {
	for _, c := range []struct {
		run  string
		code int
	}{
		{"exit 0", 0},
		{"exit 3", 3},
		{"", 0},
		{"kill -9 $$", 128 + 9},
		{"kill -TERM $$", 128 + 15},
		{"nosuchcommand 2>/dev/null", 127},
		{"if", 2},
	} {
		if r := quiet(t, "memory", "1M", "--run", c.run); r.code != c.code {
			t.Errorf("%q: exit status %d, want %d\n%s", c.run, r.code, c.code, r.stderr)
		}
	}
}

func TestTheCommandsOutputIsUntouched(t *testing.T) {
	r := quiet(t, "memory", "1M", "--run", `printf 'a\000\033[1mb\r\n'; printf 'e\377' >&2; cat`)
	if r.stdout != "a\x00\x1b[1mb\r\n" || r.stderr != "e\xff" || r.code != 0 {
		t.Errorf("stdout %q, stderr %q, status %d", r.stdout, r.stderr, r.code)
	}
	cmd, stdout, _ := command(t, "memory", "1M", "--run", "cat")
	cmd.Stdin = strings.NewReader("from\x00stdin")
	if err := cmd.Run(); err != nil || stdout.String() != "from\x00stdin" {
		t.Errorf("stdin came out as %q, %v", stdout, err)
	}
}

func TestTheCommandsVariables(t *testing.T) {
	script := `printf '%s\n' "$uri" "$nbd" "[$port]" "[$unixsocket]" "[$exportname]" "[${tls-unset}]"`
	t.Setenv("tls", "leaked")
	r := quiet(t, "memory", "1M", "-e", "a b", "--run", script)
	rows := strings.Split(r.stdout, "\n")
	if len(rows) != 7 || !strings.HasPrefix(rows[0], "nbd+unix:///a%20b?socket=/") || rows[1] != rows[0] ||
		rows[2] != "[]" || !strings.HasPrefix(rows[3], "[/") || rows[4] != "[a b]" || rows[5] != "[unset]" {
		t.Errorf("a private socket: %q", rows)
	}
	socket := filepath.Join(t.TempDir(), "s")
	r = quiet(t, "--unix="+socket, "--run", script, "memory", "1M")
	if want := "nbd+unix://?socket=" + socket + "\n"; !strings.HasPrefix(r.stdout, want) {
		t.Errorf("a socket by name: %q", r.stdout)
	}
	r = quiet(t, "-p0", "memory", "--run", script, "1M")
	rows = strings.Split(r.stdout, "\n")
	if port := strings.Trim(rows[2], "[]"); port == "" || port == "0" || rows[0] != "nbd://localhost:"+port || rows[3] != "[]" {
		t.Errorf("TCP: %q", rows)
	}
}

func TestBadInputIsOneLineAndAHint(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := "/tmp/" + strings.Repeat("x", 120)
	for _, c := range []struct {
		args []string
		says string // in the error
		hint string // in the hint; empty where there is none
	}{
		{nil, "no plugin is named", "nbdtui file"},
		{[]string{"file", "/no/such.img"}, "/no/such.img: no such file", ""},
		{[]string{"file", dir}, "is a directory", ""},
		{[]string{"fiel", text}, `unknown plugin "fiel"`, "did you mean file?"},
		{[]string{"file", text, "--filter=pauze"}, `unknown filter "pauze"`, "did you mean pause?"},
		{[]string{"file", text, "rat=1"}, `unknown parameter "rat"`, ""},
		{[]string{"memory", "1X"}, `unknown size suffix "X"`, ""},
		{[]string{"memory", "1M", "-U", long}, "bytes long", "shorter"},
		{[]string{"memory", "1M", "-U", text}, text, "another path"},
		{[]string{"memory", "1M", "-U", filepath.Join(dir, "no", "s")}, "no such file", ""},
		{[]string{"memory", "1M", "-p", "notaport"}, "notaport", ""},
		{[]string{"memory", "1M", "-p", "99999"}, "99999", "65535"},
		{[]string{"memory", "1M", "-p", "1", "-U", "-"}, "exclude one another", ""},
		{[]string{"memory", "1M", "--frob"}, "unknown option --frob", "--help"},
		{[]string{"memory", "1M", "--redonly"}, "unknown option --redonly", "--readonly"},
		{[]string{"memory", "1M", "--threads=x"}, "--threads=x", ""},
		{[]string{"memory", "1M", "--ui=tui"}, "needs a terminal", ""},
		{[]string{"memory", "1M", "--run"}, "needs a value", ""},
		{[]string{"--filter=pause", "memory", "1M"}, "pause-control= must be given", "add pause-control="},
		{[]string{"--filter=rate", "memory", "1M", "rate=0"}, "rate=0", ""},
	} {
		r := quiet(t, c.args...)
		rows := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
		if r.code != 1 || r.stdout != "" {
			t.Errorf("%q: status %d, stdout %q", c.args, r.code, r.stdout)
		}
		if !strings.HasPrefix(rows[0], "nbdtui: error: ") || !strings.Contains(rows[0], c.says) {
			t.Errorf("%q: %q does not say %q", c.args, rows[0], c.says)
		}
		if c.hint != "" && (len(rows) < 2 || !strings.HasPrefix(rows[1], "nbdtui: hint: ") || !strings.Contains(rows[1], c.hint)) {
			t.Errorf("%q: no hint that says %q in %q", c.args, c.hint, rows)
		}
		if len(rows) > 2 || strings.Contains(r.stderr, "goroutine") {
			t.Errorf("%q: more than an error and a hint: %q", c.args, rows)
		}
	}
}

func TestPlainTellsWhatHappens(t *testing.T) {
	peer(t, "nbdcopy")
	r := quiet(t, "--ui=plain", "memory", "1M", "--run", `nbdcopy "$nbd" null: && echo out; exit 3`)
	if r.code != 3 || r.stdout != "out\n" {
		t.Errorf("status %d, stdout %q", r.code, r.stdout)
	}
	for row := range strings.Lines(r.stderr) {
		if !regexp.MustCompile(`^nbdtui: \d\d:\d\d:\d\d [^\x00-\x1f]+\n$`).MatchString(row) {
			t.Errorf("not a line with a time: %q", row)
		}
	}
	for _, want := range []string{"listening at nbd+unix://", "child started", "client 1", "child exited 3", "covered 100.0%"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("%q is not said in:\n%s", want, r.stderr)
		}
	}
}

func TestOptionsStandAnywhere(t *testing.T) {
	image := image(t, 1)
	for _, args := range [][]string{
		{"file", image, "--run", `test -r "$unixsocket" -o -S "$unixsocket"`},
		{"--run", `test -S "$unixsocket"`, "file", image},
		{"--run", `test -S "$unixsocket"`, "file", "file=" + image, "--filter=rate", "rate=1G"},
		{"-r", "--filter", "rate", "file", image, "rate=1G", "--run", `test -S "$unixsocket"`},
		{"--ru", `test -S "$unixsocket"`, "-rU-", "file", image},
		{"--run", "true", "--", "file", image},
	} {
		if r := quiet(t, args...); r.code != 0 || r.stderr != "" {
			t.Errorf("%q: status %d, %s", args, r.code, r.stderr)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	if r := quiet(t, "--version"); r.stdout != "nbdtui "+version+"\n" || r.code != 0 {
		t.Errorf("--version: %+v", r)
	}
	r := quiet(t, "--help")
	for _, want := range []string{"--run=COMMAND", "-U, --unix=SOCKET", "file ", "memory ", "pause ", "rate "} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("--help does not say %q:\n%s", want, r.stdout)
		}
	}
	for name, want := range map[string]string{"file": "[file=]PATH", "pause": "pause-control=", "rate": "rate="} {
		if r := quiet(t, "--help", name); !strings.Contains(r.stdout, want) || r.code != 0 {
			t.Errorf("--help %s does not say %q:\n%s%s", name, want, r.stdout, r.stderr)
		}
	}
}

// A server without a command serves until it is told to end, and takes its socket with it.
func TestASignalEndsAServer(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		socket := filepath.Join(t.TempDir(), "s")
		cmd, stdout, stderr := command(t, "memory", "1M", "-U", socket)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitSocket(t, socket)
		cmd.Process.Signal(sig)
		cmd.Wait()
		if status(cmd) != 0 || stdout.Len()+stderr.Len() > 0 {
			t.Errorf("%v: status %d, stdout %q, stderr %q", sig, status(cmd), stdout, stderr)
		}
		if _, err := os.Lstat(socket); !os.IsNotExist(err) {
			t.Errorf("%v: the socket is still there", sig)
		}
	}
}
