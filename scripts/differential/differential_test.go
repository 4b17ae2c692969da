package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is the nbdtui under test, built once.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "differential-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "nbdtui")
		if out, err := exec.Command("go", "build", "-o", program, "../../cmd/nbdtui").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// peer skips the test where a program of somebody else's is missing; where tests must be complete, it fails.
func peer(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// Some sequences; make differential runs thousands.
func TestNbdtuiAnswersAsNbdkit(t *testing.T) {
	peer(t, "nbdkit")
	compareAll(t.Context(), program, 1, 60, 2, func(s *sequence, err error) {
		if err != nil {
			t.Error(s.report(err))
		}
	})
}

// What differs is seen: a program that serves read-only, and one that fails every read.
func TestADifferenceIsSeen(t *testing.T) {
	peer(t, "nbdkit")
	for name, line := range map[string]string{
		"readonly": `exec "` + program + `" "$@" -r`,
		"failing":  `exec "` + program + `" --filter=error "$@" error-pread-rate=100% error-pread=ENOMEM`,
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		s := &sequence{seed: 1, stack: &stack{plugin: "memory", words: []string{"1M"}}, steps: 1, rand: newSequence(1).rand}
		err := s.compare(t.Context(), path)
		if err == nil || !strings.Contains(s.report(err), "-seed 1") {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(err)
	}
}

// A seed says all: the same stack and the same requests each time.
func TestASeedIsASequence(t *testing.T) {
	peer(t, "nbdkit")
	for seed := range uint64(5) {
		var said [2]string
		for i := range said {
			s := newSequence(seed)
			if err := s.compare(context.Background(), program); err != nil {
				t.Error(s.report(err))
			}
			said[i] = fmt.Sprint(s.args("DIR"), s.said.String())
		}
		if said[0] != said[1] {
			t.Errorf("seed %d is once\n%s\nand once\n%s", seed, said[0], said[1])
		}
	}
}
