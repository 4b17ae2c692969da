package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A sparse image is copied to its end by whoever copies: the dashboard foretells when, and coverage becomes whole,
// holes and all.
func TestCoverageOfASparseCopy(t *testing.T) {
	const data = 12 // MiB, twice
	for name, c := range map[string]struct{ peer, run string }{
		"nbdcopy":     {"nbdcopy", `nbdcopy "$nbd" `},
		"qemu-img":    {"qemu-img", `qemu-img convert -p "$nbd" `},
		"nbdtui copy": {"sh", program + ` copy "$nbd" `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer(t, c.peer)
			source, out := image(t, data), filepath.Join(t.TempDir(), "out")
			first, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(source, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt(first, 40<<20); err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(96 << 20); err != nil {
				t.Fatal(err)
			}
			f.Close()
			x := inTerminal(t, 80, 24, "--filter=rate", "file", source, "rate=24M", "--run", c.run+out)
			x.Until("an ETA beside the coverage", func(s string) bool { return etaShown.MatchString(s) })
			x.Type("p")
			x.Until("that the ETA is held", func(s string) bool { return etaHeld.MatchString(s) })
			x.Type("r")
			if code := x.Wait(); code != 0 {
				t.Errorf("exit status %d", code)
			}
			x.Sane()
			same(t, source, out)
			if s := x.Text(); !strings.Contains(s, "coverage       100.0%, 96.0/96.0 MiB") {
				t.Errorf("the end says\n%s", s)
			}
		})
	}
}

var (
	etaShown = regexp.MustCompile(`(?m)^ coverage .* [1-9]\d?\.\d% .*/96\.0 MiB +ETA 00:\d\d`)
	etaHeld  = regexp.MustCompile(`(?m)^ coverage .* [1-9]\d?\.\d% .*/96\.0 MiB +ETA held`)
)
