package main

import (
	"os/exec"
	"strings"
	"testing"
)

// floors are the house of docs/architecture.md: a package may import what stands on a lower floor only.
var floors = map[string]int{
	"scripts/bench":                  50,
	"scripts/differential":           50,
	"scripts/picture":                50,
	"cmd/nbdtui":                     50,
	"internal/ui":                    40,
	"internal/session":               30,
	"internal/recording":             35,
	"internal/transfer":              25,
	"internal/captive":               20,
	"internal/filters":               20,
	"internal/nbd":                   20,
	"internal/plugins":               20,
	"internal/nbd/client":            15,
	"internal/nbd/client/clienttest": 25,
	"internal/block/blocktest":       15,
	"internal/block":                 12,
	"internal/unixsocket":            12,
	"internal/secure":                12,
	"internal/program":               11,
	"internal/tempdir":               12,
	"internal/terminaltest":          11,
	"internal/nbd/wire":              11,
	"internal/param":                 11,
	"internal/ui/noprobe":            10,
}

// screens are the packages that only the dashboard may import.
var screens = []string{"github.com/charmbracelet/bubbletea", "github.com/charmbracelet/lipgloss"}

func TestImportsOnlyGoDown(t *testing.T) {
	const module = "example.com/nbdtui/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := 0
	for row := range strings.Lines(string(out)) {
		words := strings.Fields(row)
		from := strings.TrimPrefix(words[0], module)
		floor, ok := floors[from]
		if !ok {
			t.Errorf("%s stands on no floor: give it one, here and in docs/architecture.md", from)
			continue
		}
		seen++
		for _, path := range words[1:] {
			if to, ours := strings.CutPrefix(path, module); ours && floors[to] >= floor {
				t.Errorf("%s imports %s, which is not below it", from, to)
			}
			for _, s := range screens {
				if path == s && !strings.HasPrefix(from, "internal/ui") {
					t.Errorf("%s imports %s, which is for internal/ui alone", from, path)
				}
			}
		}
	}
	if seen != len(floors) {
		t.Errorf("%d packages were found and %d have a floor: remove those that are gone", seen, len(floors))
	}
}
