package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// program is the binary under test, built once: the tests start the real thing.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "nbdtui-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "nbdtui")
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// peer fails the test where a program that it compares with is missing: under CI always, elsewhere it is skipped.
func peer(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: scripts/peers installs it", name)
		}
		t.Skipf("%s is missing: scripts/peers installs it", name)
	}
}

// image makes a file of random bytes.
func image(t testing.TB, mib int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for range mib {
		rand.Read(b)
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// There is room for threads that wait for busy clients, unless the user has said how many may run.
func TestAllowWaiting(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "")
	for processors, want := range map[int]int{1: 9, 2: 10, 8: 16, 64: 128} {
		runtime.GOMAXPROCS(processors)
		if allowWaiting(); runtime.GOMAXPROCS(0) != want {
			t.Errorf("%d processors: %d, want %d", processors, runtime.GOMAXPROCS(0), want)
		}
	}
	runtime.SetDefaultGOMAXPROCS()
	processors := runtime.GOMAXPROCS(0)
	for set, want := range map[string]int{"": processors + max(processors, 8), "3": 3} {
		cmd, _, stderr := command(t, "memory", "1M", "--run", "sleep 0.3")
		cmd.Env = append(cmd.Env, "GODEBUG=schedtrace=20", "GOMAXPROCS="+set)
		if err := cmd.Run(); err != nil || !strings.Contains(stderr.String(), fmt.Sprintf("gomaxprocs=%d ", want)) {
			t.Errorf("GOMAXPROCS=%q: %v, want %d in\n%s", set, err, want, stderr)
		}
	}
}
