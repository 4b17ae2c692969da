package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/vsock"
	"github.com/rogpeppe/go-internal/testscript"

	"example.com/nbdtui/internal/terminaltest"
)

// TestScript runs the real binary as the scripts of testdata/script say, one a feature. None may leave anything in the
// directory for temporary files.
func TestScript(t *testing.T) {
	peer(t, "nbdkit", "nbdinfo", "nbdcopy", "nbdsh", "qemu-img")
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// The Python of libnbd's shell is the system's.
			env.Setenv("PATH", filepath.Dir(program)+":/usr/bin:"+os.Getenv("PATH"))
			env.Setenv("nbdtui", program)
			env.Setenv("version", version)
			env.Setenv("port", freePort(t))
			temp := env.Getenv("TMPDIR")
			env.Defer(func() {
				if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 && !t.Failed() {
					t.Errorf("left behind: %v", left)
				}
			})
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			case "ipv6":
				l, err := net.Listen("tcp6", "[::1]:0")
				if err == nil {
					l.Close()
				}
				return err == nil, nil
			case "syslog":
				_, err := dialSyslog()
				return err == nil, nil
			case "vsock-loopback":
				return vsockLoopback(), nil
			case "vsock":
				_, err := os.Stat("/dev/vsock")
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"same":    sameAsNbdkit,
			"refused": refusedScript,
			"await":   awaitFile,
			"signal":  signalPids,
			"gone":    gonePids,
		},
	})
}

// freePort is one that nobody listens on.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// vsockLoopback tries whether this machine can reach itself, which needs a module that many kernels have not.
func vsockLoopback() bool {
	l, err := vsock.ListenContextID(1, 0, nil)
	if err != nil {
		return false
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := vsock.DialContext(ctx, 1, l.Addr().(*vsock.Addr).Port, nil)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// exits N PROGRAM ... runs a program that must end with this very status, as a shell tells it.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits status program [argument ...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		code = terminaltest.Status(failed.ProcessState)
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit status %d, want %s", code, args[0])
	}
}

// same ARGUMENT ... runs nbdkit and nbdtui, which must say the same on standard output and end with the same status.
// Where one has nothing to say on standard error, neither may the other.
func sameAsNbdkit(ts *testscript.TestScript, neg bool, args []string) {
	type result struct {
		Stdout string
		Status int
		Silent bool
	}
	run := func(program string) result {
		err := ts.Exec(program, args...)
		r := result{ts.ReadFile("stdout"), 0, ts.ReadFile("stderr") == ""}
		if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
			r.Status = terminaltest.Status(failed.ProcessState)
		} else {
			ts.Check(err)
		}
		return r
	}
	if diff := cmp.Diff(run("nbdkit"), run("nbdtui")); neg || diff != "" {
		ts.Fatalf("nbdkit and nbdtui differ: %s", diff)
	}
}

// refused PATTERN [-hint PATTERN] ARGUMENT ... runs nbdtui, which must refuse: status 1, nothing on standard output, one
// line of error that matches, and at most one of hint.
func refusedScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: refused pattern [-hint pattern] [argument ...]")
	}
	says, hint := args[0], ""
	args = args[1:]
	if len(args) > 1 && args[0] == "-hint" {
		hint, args = args[1], args[2:]
	}
	exits(ts, false, append([]string{"1", "nbdtui"}, args...))
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output has %q", out)
	}
	rows := strings.SplitAfter(ts.ReadFile("stderr"), "\n")
	rows = rows[:len(rows)-1]
	if len(rows) < 1 || len(rows) > 2 {
		ts.Fatalf("not one line of error and one of hint: %q", rows)
	}
	match(ts, `^nbdtui: error: .*`+says, rows[0])
	if len(rows) > 1 || hint != "" {
		match(ts, `^nbdtui: hint: .*`+hint, strings.Join(rows[1:], ""))
	}
}

func match(ts *testscript.TestScript, pattern, text string) {
	ok, err := regexp.MatchString(pattern, text)
	ts.Check(err)
	if !ok {
		ts.Fatalf("%q does not match %q", text, pattern)
	}
}

// await FILE ... waits until there is something in each file, or somebody listens on each socket.
func awaitFile(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		eventually(ts, name+" is there", func() bool {
			path := ts.MkAbs(name)
			info, err := os.Stat(path)
			if err == nil && info.Mode().Type() == os.ModeSocket {
				return listening(path)
			}
			return err == nil && info.Size() > 0
		})
	}
}

// listening looks without a connection, which might start what listens.
func listening(path string) bool {
	table, _ := os.ReadFile("/proc/net/unix")
	return regexp.MustCompile(`(?m) 00010000 \d+ \d+ +\d+ ` + regexp.QuoteMeta(path) + "$").Match(table)
}

// signal NAME FILE ... sends a signal to the processes whose ids are in the files.
func signalPids(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: signal name file ...")
	}
	signals := map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT, "KILL": syscall.SIGKILL,
	}
	s, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[0])
	}
	for _, pid := range pidsIn(ts, args[1:]) {
		ts.Check(syscall.Kill(pid, s))
	}
}

// gone FILE ... waits until none of the processes is left whose ids are in the files.
func gonePids(ts *testscript.TestScript, neg bool, args []string) {
	for _, pid := range pidsIn(ts, args) {
		eventually(ts, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(pid) })
	}
}

func pidsIn(ts *testscript.TestScript, files []string) (list []int) {
	for _, name := range files {
		words := strings.Fields(ts.ReadFile(name))
		if len(words) == 0 {
			ts.Fatalf("no process id is in %s", name)
		}
		for _, word := range words {
			pid, err := strconv.Atoi(word)
			ts.Check(err)
			list = append(list, pid)
		}
	}
	return list
}

// eventually waits for what happens in its own time.
func eventually(ts *testscript.TestScript, what string, ok func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			ts.Fatalf("never happened: %s", what)
		}
	}
}
