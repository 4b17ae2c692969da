package main

import (
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every spelling of every option means it, and so does every prefix that no other option has.
func TestEverySpellingMeansItsOption(t *testing.T) {
	var o options
	table := o.table()
	owners := map[string][]string{}
	var shorts []string
	for _, p := range table {
		if p.Short != "" {
			shorts = append(shorts, p.Short)
		}
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			if canonical(table, n) != p.Name {
				t.Errorf("--%s is --%s, not --%s", n, canonical(table, n), p.Name)
			}
			for i := 1; i < len(n); i++ {
				if !slices.Contains(owners[n[:i]], p.Name) {
					owners[n[:i]] = append(owners[n[:i]], p.Name)
				}
			}
		}
	}
	slices.Sort(shorts)
	if n := len(slices.Compact(shorts)); n != len(shorts) {
		t.Errorf("a letter has two options: %v", shorts)
	}
	for prefix, names := range owners {
		if got := canonical(table, prefix); len(names) == 1 && got != names[0] {
			t.Errorf("--%s is %s, and only --%s can be meant", prefix, got, names[0])
		}
	}
}

func TestEveryOptionOfNbdkitIsThere(t *testing.T) {
	peer(t, "nbdkit")
	for _, list := range []string{"--long-options", "--short-options"} {
		theirs, err := exec.Command("nbdkit", list).Output()
		if err != nil {
			t.Fatal(err)
		}
		ours := strings.Fields(quiet(t, list).stdout)
		for _, name := range strings.Fields(string(theirs)) {
			if !slices.Contains(ours, name) {
				t.Errorf("%s: %s is missing", list, name)
			}
		}
	}
}

// A client that says nothing is closed when the handshake's time is over.
func TestTheHandshakesTimeIsLimited(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	cmd, _, _ := command(t, "--timeout=50ms", "-U", socket, "memory", "1M")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := dial(t, socket)
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(patience))
	if greeting, err := io.ReadAll(c); err != nil || len(greeting) != 18 {
		t.Errorf("after the greeting came %q, %v", greeting, err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
}
