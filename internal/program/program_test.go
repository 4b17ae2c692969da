package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shell(text string) []string { return []string{"/bin/sh", "-c", text} }

func TestStatusAndOutput(t *testing.T) {
	for text, want := range map[string]struct {
		status      int
		out, errors string
	}{
		"echo out; echo err >&2":    {0, "out\n", "err\n"},
		"exit 7":                    {7, "", ""},
		"kill -TERM $$":             {-int(syscall.SIGTERM), "", ""},
		`printf %s "$word"; exit 3`: {3, "said", ""},
		"cat; exit 1":               {1, "input", ""},
	} {
		out, errs := Head{Max: 100}, Head{Max: 100}
		status, err := Command{
			Argv: shell(text), Env: []string{"word=said"}, Stdin: &Feed{Data: []byte("input")}, Stdout: &out, Stderr: &errs,
		}.Run(t.Context())
		if status != want.status || err != nil || out.String() != want.out || errs.String() != want.errors {
			t.Errorf("%s: %d, %v, %q, %q, want %v", text, status, err, out.String(), errs.String(), want)
		}
	}
	if _, err := (Command{Argv: []string{"/nonexistent"}}).Run(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
}

// All that a program started ends with who waits for it.
func TestKilledWithItsContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { // waited for below
		_, err := Command{Argv: shell("sleep 600 & echo $! >" + file + ".new; mv " + file + ".new " + file + "; wait")}.Run(ctx)
		done <- err
	}()
	var pid int
	for deadline := time.Now().Add(30 * time.Second); pid == 0; {
		b, _ := os.ReadFile(file)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		if time.Now().After(deadline) {
			t.Fatal("it does not start")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	for deadline := time.Now().Add(30 * time.Second); running(pid); {
		if time.Now().After(deadline) {
			t.Fatal("what it started is still there")
		}
	}
}

// running is false for a zombie, which waits for a parent that is in no hurry.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(b), ") Z ")
}

// What is left in the background holds nobody up for long, and is let live.
func TestBackgroundIsLeft(t *testing.T) {
	out := Head{Max: 100}
	status, err := Command{Argv: shell("sleep 600 & echo $!"), Stdout: &out}.Run(t.Context())
	pid, _ := strconv.Atoi(strings.TrimSpace(out.String()))
	if status != 0 || err != nil || pid == 0 || !running(pid) {
		t.Errorf("%d, %v, pid %d", status, err, pid)
	}
	if pid > 0 {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// What a program leaves unread is known, whether it ends at once or later.
func TestWhatIsNotRead(t *testing.T) {
	for text, read := range map[string]bool{
		"exit 0": false, "sleep 600 <&0 >/dev/null & exit 0": false, "head -c 1000000 >/dev/null": true, "cat >/dev/null": true,
	} {
		small, large := Feed{Data: make([]byte, 1000)}, Feed{Data: make([]byte, 1000000)}
		for _, f := range []*Feed{&small, &large} {
			out := Head{Max: 100}
			if status, err := (Command{Argv: shell("echo $$; " + text), Stdin: f, Stdout: &out}).Run(t.Context()); status != 0 || err != nil {
				t.Errorf("%s: %d, %v", text, status, err)
			}
			pid, _ := strconv.Atoi(strings.TrimSpace(out.String()))
			syscall.Kill(-pid, syscall.SIGKILL) // what it left
		}
		if small.Left != 0 || (large.Left == 0) != read {
			t.Errorf("%s: left %d of a few and %d of many", text, small.Left, large.Left)
		}
	}
}

func TestExactly(t *testing.T) {
	for text, want := range map[string]int{"printf 123": 3, "printf 12345": 5, "printf 123456": 6, "true": 0, "yes": 6} {
		out := Exactly{Into: make([]byte, 5)}
		if _, err := (Command{Argv: shell(text), Stdout: &out}).Run(t.Context()); err != nil || out.N != want {
			t.Errorf("%s: %d bytes came, want %d; %v", text, out.N, want, err)
		}
		if want == 5 && string(out.Into) != "12345" {
			t.Errorf("%q", out.Into)
		}
	}
	out := Exactly{Into: make([]byte, 4)}
	for _, part := range []string{"12", "34"} {
		if n, err := out.Write([]byte(part)); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if _, err := out.Write([]byte("5")); err == nil || out.N != 5 || string(out.Into) != "1234" {
		t.Errorf("%q, %d, %v", out.Into, out.N, err)
	}
}

func TestAllHasAnEnd(t *testing.T) {
	out := All{Head{Max: 1000}}
	if _, err := (Command{Argv: shell("yes"), Stdout: &out}).Run(t.Context()); err != nil || !out.Over() || len(out.String()) != 1000 {
		t.Errorf("%v, %v, %d bytes", err, out.Over(), len(out.String()))
	}
}

func TestArgv(t *testing.T) {
	dir := t.TempDir()
	for text, shell := range map[string]bool{"": true, "echo": true, "#!/bin/sh\n": false, "\x7fELF\x02\x01\x01\x00": false, "#": true} {
		path := filepath.Join(dir, "f")
		os.Remove(path)
		if err := Write(path, text); err != nil {
			t.Fatal(err)
		}
		want := []string{path}
		if shell {
			want = []string{"/bin/sh", path}
		}
		if got := Argv(path); !slices.Equal(got, want) {
			t.Errorf("%q is run by %q, want %q", text, got, want)
		}
	}
}

// A file that was just written can be run, however many programs start meanwhile.
func TestWrittenCanBeRun(t *testing.T) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // waited for below
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				Command{Argv: []string{"/bin/true"}}.Run(context.Background())
			}
		}
	}()
	dir := t.TempDir()
	for i := range 100 {
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := Write(path, "#!/bin/sh\nexit 5\n"); err != nil {
			t.Fatal(err)
		}
		if status, err := (Command{Argv: Argv(path)}).Run(t.Context()); status != 5 || err != nil {
			t.Fatalf("%d, %v", status, err)
		}
	}
	close(stop)
	<-stopped
}
