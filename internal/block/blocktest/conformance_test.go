package blocktest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"example.com/nbdtui/internal/block"
	. "example.com/nbdtui/internal/block/blocktest"
	_ "example.com/nbdtui/internal/filters"
	_ "example.com/nbdtui/internal/plugins"
)

// diskSize is no multiple of anything but the sector, so that every last page is cut.
const diskSize = 3<<20 + 1536

// disk is how a plugin is set up for the suite: an empty disk of diskSize.
type disk struct {
	words    func(t testing.TB) []string
	holes    bool
	truncate bool // the word file= names a file that may be cut
}

// plugins says how each is set up; one that is not here fails the test.
var plugins = map[string]disk{
	"memory": {
		words: func(testing.TB) []string { return []string{fmt.Sprintf("size=%d", diskSize)} },
		holes: true,
	},
	"file": {
		words: func(t testing.TB) []string {
			path := filepath.Join(t.TempDir(), "disk.img")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, diskSize); err != nil {
				t.Fatal(err)
			}
			return []string{"file=" + path}
		},
		holes:    runtime.GOOS == "linux",
		truncate: true,
	},
}

// filters says how each is set up so that it changes nothing that the suite looks at; one that is not here fails the
// test.
var filters = map[string]func(t testing.TB) []string{
	"pause": func(t testing.TB) []string { return []string{"pause-control=" + filepath.Join(t.TempDir(), "s")} },
	"rate":  func(testing.TB) []string { return []string{"rate=1T", "connection-rate=1T"} },
}

func TestEveryPlugin(t *testing.T) {
	for _, r := range block.Registered(block.Plugin) {
		p, ok := plugins[r.Name]
		if !ok {
			t.Errorf("plugin %s is not set up for the suite", r.Name)
			continue
		}
		t.Run(r.Name, func(t *testing.T) { Run(t, p.subject(r.Name)) })
	}
}

func TestEveryFilter(t *testing.T) {
	for _, r := range block.Registered(block.Filter) {
		words, ok := filters[r.Name]
		if !ok {
			t.Errorf("filter %s is not set up for the suite", r.Name)
			continue
		}
		for _, plugin := range []string{"memory", "file"} {
			t.Run(r.Name+"/"+plugin, func(t *testing.T) { Run(t, plugins[plugin].subject(plugin, filter{r.Name, words})) })
		}
	}
}

// The file plugin's other ways of working are plugins of their own to the suite.
func TestFileUncached(t *testing.T) {
	p := plugins["file"]
	words := p.words
	p.words = func(t testing.TB) []string { return append(words(t), "cache=none", "fadvise=random") }
	Run(t, p.subject("file"))
}

type filter struct {
	name  string
	words func(testing.TB) []string
}

func (p disk) subject(plugin string, filters ...filter) Subject {
	var path string
	s := Subject{Holes: p.holes, Build: func(t testing.TB, readOnly bool) *Stack {
		words := p.words(t)
		if p.truncate {
			path = words[0][len("file="):]
		}
		var layers []Layer
		for _, f := range filters {
			layers = append(layers, Layer{Kind: block.Filter, Name: f.name, Words: f.words(t)})
		}
		return Build(t, readOnly, append(layers, Layer{Kind: block.Plugin, Name: plugin, Words: words})...)
	}}
	if p.truncate {
		s.Truncate = func(t testing.TB) {
			if err := os.Truncate(path, diskSize/2); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}
