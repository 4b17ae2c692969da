package blocktest_test

import (
	"testing"

	"example.com/nbdtui/internal/block"
)

// slow are filters that make requests wait by what the suite sets them to.
var slow = map[string]bool{"delay": true, "rate": true}

// BenchmarkFilter reads 4 KiB through each filter from memory; the one called none is without.
func BenchmarkFilter(b *testing.B) {
	run := func(name string, filters ...filter) {
		b.Run(name, func(b *testing.B) {
			stack := plugins["memory"].subject("memory", filters...).Build(b, false)
			stack.Fill(b, 1<<20, make([]byte, 64<<10))
			d := stack.Open(b, block.OpenRequest{})
			r := block.Request{Cmd: block.Read, Offset: 1 << 20, Length: 4096}
			b.ReportAllocs()
			for b.Loop() {
				a := block.GetAnswer(false)
				if err := d.Serve(b.Context(), r, a.Reply()); err != nil {
					b.Fatal(err)
				}
				a.Put()
			}
		})
	}
	run("none")
	for _, r := range block.Registered(block.Filter) {
		if words, ok := filters[r.Name]; ok && !slow[r.Name] {
			run(r.Name, filter{r.Name, words})
		}
	}
}
