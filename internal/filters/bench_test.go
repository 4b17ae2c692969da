package filters

import (
	"context"
	"fmt"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// chained are filters with nothing to do: each looks at a request and passes it on.
var chained = []string{"rate", "delay", "error", "retry-request", "readonly"}

// chain opens n of them before a plugin.
func chain(t testing.TB, n int) *block.Door {
	t.Helper()
	host := block.Host{Event: func(string, ...any) {}}
	none := t.TempDir() + "/none"
	layers := []blocktest.Layer{{Kind: block.Plugin, Name: "null", Words: []string{"size=1M"}}}
	for _, name := range chained[:n] {
		l := blocktest.Layer{Kind: block.Filter, Name: name}
		if name == "readonly" {
			l.Words = []string{"readonly-file=" + none}
		}
		layers = append(layers, l)
	}
	var open block.Opener
	for i, l := range layers {
		layer, err := blocktest.Configure(t, l).Build(host)
		if err != nil {
			t.Fatal(err)
		}
		below := open
		open = func(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
			return block.OpenDoor(ctx, layer, o, below, l.Name, i == n, host.Event)
		}
	}
	d, err := open(t.Context(), block.OpenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(context.Background()) })
	return d
}

// BenchmarkChain is a read of 4 KiB through 0, 1, 3 and 5 filters; docs/benchmarks.md has the figures.
func BenchmarkChain(b *testing.B) {
	for _, n := range []int{0, 1, 3, 5} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := chain(b, n)
			a := block.GetAnswer(false)
			defer a.Put()
			before := a.Reply().Mark()
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Serve(ctx, block.Request{Cmd: block.Read, Length: 4096}, a.Reply()); err != nil {
					b.Fatal(err)
				}
				a.Reply().Reset(before)
			}
		})
	}
}
