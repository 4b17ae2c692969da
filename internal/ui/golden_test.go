package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	goldenSizes  = []size{{80, 24}, {120, 40}, {200, 60}, {40, 8}, {20, 3}, {10, 2}}
	sizesBetween = []size{{60, 16}, {100, 30}, {120, 24}, {150, 45}} // for one scene: which panels have room
)

// TestGolden compares whole screens. After -update look at them: cat testdata/*.golden on a terminal.
func TestGolden(t *testing.T) {
	for _, sc := range scenes() {
		sizes := goldenSizes
		if sc.name == "running" {
			sizes = append(sizes[:len(sizes):len(sizes)], sizesBetween...)
		}
		for _, z := range sizes {
			name := fmt.Sprintf("%s-%dx%d", sc.name, z.w, z.h)
			t.Run(name, func(t *testing.T) {
				got := render(sc.s, qemuScreen(z), charted(sc, z), z, sc.theme) + "\n"
				path := filepath.Join("testdata", name+".golden")
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("the screen changed (-want +got); go test -update writes it anew:\n%s", diff)
				}
			})
		}
	}
}
