//go:build !race

package filters

import (
	"path/filepath"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// What no filter allocates for a request, not even one that logs it, limits it or retries it; block status is told
// in a text of its own.
func TestFiltersAllocateNothing(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, r := range block.Registered(block.Filter) {
		words := map[string][]string{
			"log": {"logfile=" + filepath.Join(t.TempDir(), "log")}, "rate": {"rate=1E", "connection-rate=1E"},
			"error": {"error-rate=1", "error-file=" + none}, "delay": {"rdelay=1", "wdelay=1", "delay-trigger=" + none},
			"pause": {"pause-control=" + filepath.Join(t.TempDir(), "s")}, "readonly": {"readonly-file=" + none},
		}[r.Name]
		if r.Name == "tar" { // wants an archive; it adds a number
			continue
		}
		d := blocktest.Build(t, false,
			blocktest.Layer{Kind: block.Filter, Name: r.Name, Words: words},
			blocktest.Layer{Kind: block.Plugin, Name: "null", Words: []string{"size=1M"}}).Open(t, block.OpenRequest{})
		data := make([]byte, 4096)
		for _, q := range []block.Request{
			{Cmd: block.Read, Length: 4096}, {Cmd: block.Write, Length: 4096, Data: data, Flags: block.FUA}, {Cmd: block.Flush},
			{Cmd: block.Trim, Length: 4096}, {Cmd: block.WriteZeroes, Length: 4096, Flags: block.MayTrim}, {Cmd: block.Cache, Length: 4096},
			{Cmd: block.BlockStatus, Length: 4096},
		} {
			want := 0.0
			if r.Name == "log" && q.Cmd == block.BlockStatus {
				want = 4
			}
			ctx := t.Context()
			if n := testing.AllocsPerRun(100, func() {
				a := block.GetAnswer(false)
				if err := d.Serve(ctx, q, a.Reply()); err != nil {
					t.Error(err)
				}
				a.Put()
			}); n > want {
				t.Errorf("%s: %v allocations for a %v, want %v", r.Name, n, q.Cmd, want)
			}
		}
	}
}
