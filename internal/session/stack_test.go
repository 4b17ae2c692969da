package session

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	_ "example.com/nbdtui/internal/filters"
	_ "example.com/nbdtui/internal/plugins"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func TestBadCommandLinesAreNamedAndHinted(t *testing.T) {
	for _, c := range []struct {
		plugin  string
		filters []string
		words   []string
		err     string
		hint    string
	}{
		{"fiel", nil, nil, `unknown plugin "fiel"`, "did you mean file?"},
		{"frobnicate", nil, nil, `unknown plugin "frobnicate"`, "file, memory"},
		{"rate=1M", nil, []string{"memory"}, `"rate=1M" stands where a plugin should`, "behind it"},
		{"disk.img", nil, nil, `"disk.img" is a path`, "nbdtui file disk.img"},
		{"file", []string{"pase"}, nil, `unknown filter "pase"`, "did you mean pause?"},
		{"memory", []string{"./f.so"}, []string{"1M"}, `filter "./f.so" is a path`, "built in"},
		{"memory", nil, []string{"1M", "siz=3"}, `unknown parameter "siz"`, "did you mean size=?"},
		{"memory", nil, []string{"1M", "rate=3"}, `unknown parameter "rate"`, "add --filter=rate"},
		{"memory", nil, []string{"1Q"}, `size=1Q: unknown size suffix "Q"`, ""},
		{"memory", []string{"pause"}, []string{"1M"}, "pause-control= must be given", "add pause-control="},
		{"memory", []string{"pause", "pause"}, []string{"1M"}, "given twice", "several programs"},
	} {
		_, err := Configure(c.plugin, c.filters, c.words)
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s %v %v: error %v does not say %q", c.plugin, c.filters, c.words, err, c.err)
			continue
		}
		var h *param.Hint
		if errors.As(err, &h) != (c.hint != "") || h != nil && !strings.Contains(h.Text, c.hint) {
			t.Errorf("%s %v %v: hint %+v does not say %q", c.plugin, c.filters, c.words, h, c.hint)
		}
	}
}

func TestTheSourceIsNamedForPeople(t *testing.T) {
	for _, c := range []struct{ plugin, word, want string }{
		{"memory", "1G", "memory 1G"},
		{"memory", "size=64M", "memory 64M"},
		{"file", "/images/big.iso", "big.iso"},
		{"file", "file=./big.iso", "big.iso"},
		{"file", "./odd=name.iso", "odd=name.iso"},
	} {
		s, err := Configure(c.plugin, nil, []string{c.word})
		if err != nil {
			t.Errorf("%s %s: %v", c.plugin, c.word, err)
		} else if s.Source != c.want {
			t.Errorf("%s %s: source %q, want %q", c.plugin, c.word, s.Source, c.want)
		}
	}
}

// With -r nothing can be changed, whatever the plugin makes of it.
func TestReadOnlyHoldsForEveryPlugin(t *testing.T) {
	for _, c := range [][]string{{"memory", "1M"}, {"null", "1M"}, {"example1"}} {
		for _, filters := range [][]string{nil, {"rate"}, {"retry"}} {
			stack, err := Configure(c[0], filters, c[1:])
			if err != nil {
				t.Fatal(err)
			}
			l, err := stack.build(block.Host{Gate: block.NewGate(nil), ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			d, err := l.open(t.Context(), block.OpenRequest{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			if i := d.Info(); !i.ReadOnly || i.Trim || i.Zero != block.None || i.FUA != block.None || i.FastZero {
				t.Errorf("%v %v offers changes: %+v", c, filters, i)
			}
			a := block.GetAnswer(false)
			if err := d.Serve(t.Context(), block.Request{Cmd: block.Write, Length: 1, Data: []byte{1}}, a.Reply()); !errors.Is(err, syscall.EPERM) {
				t.Errorf("%v %v: a write: %v", c, filters, err)
			}
			a.Put()
			if err := errors.Join(d.Close(t.Context()), l.close()); err != nil {
				t.Error(err)
			}
		}
	}
}

func init() {
	block.Register(block.Registration{Kind: block.Filter, Name: "strict", New: func() block.Builder { return new(strictBuilder) }})
	block.Register(block.Registration{
		Kind: block.Filter, Name: "strictest", Threads: block.SerializeConnections, New: func() block.Builder { return puppetBuilder{} },
	})
}

// strictBuilder makes a filter that is as strict as its parameter says, whatever it is registered as.
type strictBuilder struct{ threads uint64 }

func (b *strictBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{{Name: "strict-threads", Set: param.Uint(&b.threads, 3)}}}
}
func (b *strictBuilder) Build(block.Host) (block.Layer, error) {
	return strictLayer{block.Threads(b.threads)}, nil
}

type strictLayer struct{ threads block.Threads }

func (l strictLayer) Threads() block.Threads { return l.threads }
func (l strictLayer) Close() error           { return nil }
func (l strictLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	return below(ctx, o)
}

func TestTheStrictestLayerDecides(t *testing.T) {
	for _, c := range []struct {
		filters []string
		words   []string
		want    block.Threads
	}{
		{nil, nil, block.Parallel},
		{[]string{"strict"}, nil, block.Parallel},
		{[]string{"strict"}, []string{"strict-threads=2"}, block.SerializeAllRequests},
		{[]string{"strict", "strict"}, []string{"strict-threads=2", "strict-threads=1"}, block.SerializeAllRequests},
		{[]string{"strict", "strictest"}, []string{"strict-threads=1"}, block.SerializeConnections},
	} {
		s, err := Configure("memory", c.filters, append(c.words, "size=1M"))
		if err != nil {
			t.Fatal(err)
		}
		l, err := s.build(block.Host{})
		if err != nil {
			t.Fatal(err)
		}
		if l.threads != c.want {
			t.Errorf("%v %v: %v, want %v", c.filters, c.words, l.threads, c.want)
		}
		l.close()
		select {
		case <-puppets:
		default:
		}
	}
}
