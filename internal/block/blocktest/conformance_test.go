package blocktest_test

import (
	"archive/tar"
	"bytes"
	"errors"
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
	"sh": {
		words: func(t testing.TB) []string {
			path := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(path, []byte(scripted), 0o700); err != nil {
				t.Fatal(err)
			}
			return []string{"script=" + path}
		},
	},
	"eval": {
		words: func(testing.TB) []string {
			return []string{
				fmt.Sprintf("get_ready=truncate -s %d $tmpdir/disk", diskSize),
				"get_size=stat -c %s $tmpdir/disk",
				"pread=tail -c +$(($4 + 1)) $tmpdir/disk | head -c $3",
				"pwrite=dd of=$tmpdir/disk seek=$4 bs=64k conv=notrunc oflag=seek_bytes status=none",
				"flush=:",
				"can_multi_conn=exit 0",
			}
		},
	},
}

// scripted is a disk that heeds every flag and knows its holes.
var scripted = fmt.Sprintf(`case "$1" in
get_ready) truncate -s %d $tmpdir/disk ;;
get_size) stat -c %%s $tmpdir/disk ;;
open) mktemp $tmpdir/client-XXXXXX ;;
close) rm "$2" ;;
can_write|can_flush|can_trim|can_zero|can_fast_zero|can_extents|can_multi_conn) ;;
can_fua|can_cache) echo native ;;
pread) tail -c +$(($4 + 1)) $tmpdir/disk | head -c $3 ;;
pwrite) dd of=$tmpdir/disk seek=$4 bs=64k conv=notrunc oflag=seek_bytes status=none ;;
flush|cache) test -f "$2" ;;
trim) fallocate --punch-hole --offset $4 --length $3 $tmpdir/disk ;;
zero)
	case "$5" in *fast*) echo "ENOTSUP slow" >&2; exit 1 ;; esac
	fallocate --punch-hole --offset $4 --length $3 $tmpdir/disk ;;
extents) echo "$4 $3" ;;
*) exit 2 ;;
esac
`, diskSize)

// fixed says how each plugin whose bytes never change is set up, and what they are.
var fixed = map[string]struct {
	words   []string
	content func(b []byte, off uint64)
}{
	"null": {[]string{fmt.Sprintf("size=%d", diskSize)}, func(b []byte, _ uint64) { clear(b) }},
	"example1": {nil, func(b []byte, off uint64) {
		clear(b)
		for i, c := range map[uint64]byte{
			440: 0xe1, 441: 0x5b, 442: 0x02, 447: 0x02, 448: 0x03, 450: 0x83, 451: 0xbc, 452: 0x31, 453: 0x0c,
			454: 0x80, 458: 0x01, 459: 0x1f, 460: 0x03, 510: 0x55, 511: 0xaa,
		} {
			if off <= i && i-off < uint64(len(b)) {
				b[i-off] = c
			}
		}
	}},
}

// filters says how each is set up so that it changes nothing that the suite looks at; one that is not here fails the
// test.
var filters = map[string]func(t testing.TB) []string{
	"delay": func(testing.TB) []string {
		return []string{"rdelay=1us", "wdelay=1us", "delay-extents=1us", "delay-open=1us"}
	},
	"error": func(t testing.TB) []string {
		return []string{"error-rate=100%", "error-file=" + filepath.Join(t.TempDir(), "none")}
	},
	"tar":      func(testing.TB) []string { return []string{"tar-entry=disk"} },
	"exitlast": func(testing.TB) []string { return nil },
	"exitwhen": func(t testing.TB) []string {
		return []string{"exit-when-file-created=" + filepath.Join(t.TempDir(), "none")}
	},
	"ip":            func(testing.TB) []string { return []string{"deny=anyipv4"} },
	"limit":         func(testing.TB) []string { return []string{"limit=10"} },
	"log":           func(t testing.TB) []string { return []string{"logfile=" + filepath.Join(t.TempDir(), "log")} },
	"pause":         func(t testing.TB) []string { return []string{"pause-control=" + filepath.Join(t.TempDir(), "s")} },
	"rate":          func(testing.TB) []string { return []string{"rate=1T", "connection-rate=1T"} },
	"retry":         func(testing.TB) []string { return []string{"retries=1", "retry-delay=1us"} },
	"retry-request": func(testing.TB) []string { return []string{"retry-request-retries=1", "retry-request-delay=1us"} },
	"readonly": func(t testing.TB) []string {
		return []string{"readonly-file=" + filepath.Join(t.TempDir(), "none")}
	},
}

// contents is what must be on the disk below a filter before it is opened.
var contents = map[string]func(t testing.TB) []byte{
	"tar": func(t testing.TB) []byte { // a member of zeroes, half of which is in half of the disk
		var head bytes.Buffer
		if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "disk", Size: diskSize - 1024, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		return head.Bytes()
	},
}

func TestEveryPlugin(t *testing.T) {
	for _, r := range block.Registered(block.Plugin) {
		if f, ok := fixed[r.Name]; ok {
			t.Run(r.Name, func(t *testing.T) {
				RunFixed(t, func(t testing.TB) *Stack {
					return Build(t, false, Layer{Kind: block.Plugin, Name: r.Name, Words: f.words})
				}, f.content)
			})
			continue
		}
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

func TestMemoryAllocators(t *testing.T) {
	for _, allocator := range []string{"malloc", "zstd"} {
		t.Run(allocator, func(t *testing.T) {
			p := plugins["memory"]
			words := p.words
			p.words = func(t testing.TB) []string { return append(words(t), "allocator="+allocator) }
			p.holes = allocator != "malloc"
			Run(t, p.subject("memory"))
		})
	}
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
		stack := Build(t, readOnly, append(layers, Layer{Kind: block.Plugin, Name: plugin, Words: words})...)
		for _, f := range filters {
			switch content := contents[f.name]; {
			case content == nil:
			case p.truncate:
				overwrite(t, path, content(t))
			default:
				stack.Fill(t, 0, content(t))
			}
		}
		return stack
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

// overwrite puts b at the beginning of a file: the plugin may not be allowed to.
func overwrite(t testing.TB, path string, b []byte) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
