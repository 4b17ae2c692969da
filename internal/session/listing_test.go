package session

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// describer is a filter that changes what is said of the exports below it.
type describer struct{ text string }

func init() {
	block.Register(block.Registration{Kind: block.Filter, Name: "describer", New: func() block.Builder { return &describer{} }})
}

func (d *describer) Table() param.Table {
	return param.Table{Params: []param.Param{{Name: "text", Set: param.Text(&d.text)}}}
}
func (d *describer) Build(block.Host) (block.Layer, error) { return d, nil }
func (d *describer) Close() error                          { return nil }
func (d *describer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	return below(ctx, o)
}
func (d *describer) List(ctx context.Context, q block.ListRequest, below block.Listing) ([]block.Export, error) {
	if q.ReadOnly {
		return nil, errors.New("not for readers")
	}
	list, err := below(ctx, q)
	for i := range list {
		list[i].Description = d.text + " " + list[i].Name + list[i].Description
	}
	return list, err
}

// Every layer that lists is asked, outermost first, and filters that do not are passed.
func TestEveryListerIsAsked(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		plugin string
		words  []string
		want   []block.Export
	}{
		{"file", []string{"dir=" + dir}, []block.Export{{Name: "a", Description: "outer ainner a"}, {Name: "b", Description: "outer binner b"}}},
		{"memory", []string{"1M"}, []block.Export{{Description: "outer inner "}}},
	} {
		stack, err := Configure(c.plugin, []string{"rate", "describer", "limit", "describer", "rate"}, append(c.words, "text=outer", "text=inner"))
		if err != nil {
			t.Fatal(err)
		}
		l, err := stack.build(block.Host{Gate: block.NewGate(nil)})
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		if got, err := l.exports(t.Context(), block.ListRequest{}); !slices.Equal(got, c.want) || err != nil {
			t.Errorf("%s: %+v, %v, want %+v", c.plugin, got, err, c.want)
		}
		if got, err := l.exports(t.Context(), block.ListRequest{ReadOnly: true}); err == nil {
			t.Errorf("%s: %+v for a reader", c.plugin, got)
		}
	}
}
