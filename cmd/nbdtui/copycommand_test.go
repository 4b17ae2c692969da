package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/nbd/client/clienttest"
	"example.com/nbdtui/internal/terminaltest"
)

// The embedded default: the program copies from its own server, holes and all, with no other NBD tool.
func TestTheProgramCopiesFromItsOwnServer(t *testing.T) {
	source, out := image(t, 4), filepath.Join(t.TempDir(), "out")
	if err := os.Truncate(source, 64<<20); err != nil {
		t.Fatal(err)
	}
	r := quiet(t, "file", source, "--run", program+` copy "$nbd" `+out)
	if r.code != 0 || r.stdout != "" || !strings.Contains(r.stderr, "nbdtui: copied 67108864 bytes (64 MiB, 4.0 MiB of it data and the rest holes) in ") {
		t.Fatalf("%+v", r)
	}
	same(t, source, out)
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	if taken := info.Sys().(*syscall.Stat_t).Blocks * 512; taken > 6<<20 {
		t.Errorf("the copy takes %d bytes", taken)
	}
	// And back, over what is there.
	back := image(t, 65)
	if r := quiet(t, "file", back, "--run", program+` copy -q `+source+` "$nbd"`); r.code != 0 || r.stderr != "" {
		t.Fatalf("%+v", r)
	}
	if err := os.Truncate(back, 64<<20); err != nil {
		t.Fatal(err)
	}
	same(t, source, back)
}

func TestACopyThroughPipes(t *testing.T) {
	source, out := image(t, 3), filepath.Join(t.TempDir(), "out")
	cmd, stdout, stderr := command(t, "copy", "-q", source, "-")
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v, %s", err, stderr)
	}
	cmd, _, stderr = command(t, "copy", "-", out)
	cmd.Stdin = stdout
	if err := cmd.Run(); err != nil || !strings.HasPrefix(stderr.String(), "nbdtui: copied 3145728 bytes (3.0 MiB) in ") {
		t.Fatalf("%v, %s", err, stderr)
	}
	same(t, source, out)
}

func TestABadCopyIsOneLineAndAHint(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("some text"), 0o600); err != nil {
		t.Fatal(err)
	}
	small := clienttest.Nbdkit(t, "memory", "4")
	failing := clienttest.Nbdkit(t, "--filter=error", "memory", "1M", "error-pread=EIO", "error-pread-rate=100%", "--filter=noextents")
	for _, c := range []struct {
		args []string
		says string // in the error
		hint string // in the hint; empty where there is none
	}{
		{nil, "a source and a destination", "copy --help"},
		{[]string{text}, "was given 1", "copy --help"},
		{[]string{text, "a", "b"}, "was given 3", "copy --help"},
		{[]string{"--frob", text, "null:"}, "unknown option --frob", ""},
		{[]string{"null:", text}, "null: cannot be a source", "destination"},
		{[]string{text, text}, "the destination is the source", ""},
		{[]string{"/no/such", text}, "open /no/such: no such file", ""},
		{[]string{"http://x/y", text}, "open http://x/y: no such file", "begins with nbd:"},
		{[]string{text, dir}, "is a directory", "name a file"},
		{[]string{text, small}, "is too small: it has 4 bytes", "nothing was written"},
		{[]string{"nbds+vsock://1", text}, "is not nbd, nbd+unix, nbds or nbds+unix", ""},
		{[]string{failing, filepath.Join(dir, "out")}, "read nbd+unix:///?socket=", ""},
		{[]string{failing, filepath.Join(dir, "out")}, ": input/output error", ""},
	} {
		r := quiet(t, append([]string{"copy"}, c.args...)...)
		rows := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
		if r.code != 1 || r.stdout != "" || !strings.HasPrefix(rows[0], "nbdtui: error: ") || !strings.Contains(rows[0], c.says) {
			t.Errorf("%q: status %d, %q does not say %q", c.args, r.code, r.stderr, c.says)
		}
		if c.hint != "" && (len(rows) < 2 || !strings.HasPrefix(rows[1], "nbdtui: hint: ") || !strings.Contains(rows[1], c.hint)) {
			t.Errorf("%q: no hint that says %q in %q", c.args, c.hint, rows)
		}
		if len(rows) > 2 {
			t.Errorf("%q: more than an error and a hint: %q", c.args, rows)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if r := quiet(t, "copy", "--help"); r.code != 0 || !strings.Contains(r.stdout, "usage: nbdtui copy") || !strings.Contains(r.stdout, "-q, --quiet") {
		t.Errorf("--help: %+v", r)
	}
}

// A reader that goes away is a failed write, and not a death without a word.
func TestACopyToABrokenPipeFails(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd, _, stderr := command(t, "copy", image(t, 1), "-")
	cmd.Stdout = w
	r.Close()
	cmd.Run()
	if got := stderr.String(); status(cmd) != 1 || !strings.Contains(got, "write standard output at offset 0: broken pipe") {
		t.Errorf("status %d, %s", status(cmd), got)
	}
}

// The progress line is redrawn in one row of whatever width, and nothing of it is left at the end.
func TestTheProgressLine(t *testing.T) {
	slow := clienttest.Nbdkit(t, "--filter=rate", "pattern", "32M", "rate=60M") // of which 15 MB come at once
	for _, width := range []int{100, 40} {
		x := inTerminal(t, width, 6, "copy", slow, "null:")
		going := regexp.MustCompile(`^ *[1-9][0-9]?%  .*/s`)
		x.Until("progress", func(s string) bool { return going.MatchString(line1(s)) })
		x.Shows("left")
		code := x.Wait()
		x.Sane() // all that it wrote has come
		if s := x.Text(); code != 0 || strings.Contains(s, "%") || !strings.HasPrefix(s, "nbdtui: copied 33554432") {
			t.Errorf("width %d: status %d, and at the end:\n%s", width, code, s)
		}
	}
	x := inTerminal(t, 80, 6, "copy", "-q", slow, "null:")
	code := x.Wait()
	if x.Sane(); code != 0 || strings.TrimSpace(x.Text()) != "" {
		t.Errorf("-q: status %d, and the screen shows\n%s", code, x.Text())
	}
	x = inTerminal(t, 80, 6, "copy", slow, "-")
	code = x.Wait()
	if x.Sane(); code != 1 || !strings.Contains(x.Text(), "a disk does not go to a terminal") {
		t.Errorf("to a terminal: status %d\n%s", code, x.Text())
	}
}

// Interrupted in its middle, a copy says so and leaves nothing.
func TestAnInterruptedCopyLeavesNothing(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	server, _, _ := command(t, "--filter=rate", "file", image(t, 64), "rate=60M", "-U", socket)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Signal(syscall.SIGTERM)
	awaitSocket(t, socket)
	slow := "nbd+unix://?socket=" + socket
	for name, interrupt := range map[string]func(*terminaltest.Terminal){
		"^C":   func(x *terminaltest.Terminal) { x.Type("\x03") },
		"TERM": func(x *terminaltest.Terminal) { x.Cmd.Process.Signal(syscall.SIGTERM) },
		"HUP":  func(x *terminaltest.Terminal) { x.Cmd.Process.Signal(syscall.SIGHUP) },
	} {
		dir := t.TempDir()
		x := inTerminal(t, 80, 6, "copy", slow, filepath.Join(dir, "out"))
		x.Shows("left")
		if list, _ := filepath.Glob(filepath.Join(dir, ".nbdtui-*.partial")); len(list) != 1 {
			t.Errorf("%s: no partial file while it copies", name)
		}
		interrupt(x)
		code := x.Wait()
		x.Sane() // all that it wrote has come
		if code != 1 || !strings.Contains(x.Text(), "nbdtui: error: the copy was interrupted: ") {
			t.Errorf("%s: status %d\n%s", name, code, x.Text())
		}
		if list, _ := os.ReadDir(dir); len(list) != 0 {
			t.Errorf("%s: left behind: %v", name, list)
		}
	}
}
