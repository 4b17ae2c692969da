package plugins

import (
	"context"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Plugin,
		Name:    "null",
		Summary: "serve zeroes and forget what is written",
		Help: `Serves size= bytes that always read as zeroes: one hole. What is written is thrown away and answered with
success, so nothing is as fast.

It does not keep anything, not even for the client that wrote it: use memory for a disk that does.`,
		Magic:  "size",
		Prompt: true,
		New:    func() block.Builder { return &nullBuilder{} },
	})
}

type nullBuilder struct{ size uint64 }

func (b *nullBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "size", Kind: "SIZE", Default: "0", Help: "how large the disk is", Set: param.Size(&b.size)},
	}}
}

func (b *nullBuilder) Build(block.Host) (block.Layer, error) { return null(b.size), nil }

// null is the layer, and how large the disk is.
type null uint64

func (n null) Open(context.Context, block.OpenRequest, block.Opener) (block.Handler, error) {
	return nullClient(n), nil
}

func (null) Close() error { return nil }

// nullClient is a client's view: nothing in it waits, and nothing fails.
type nullClient uint64

func (n nullClient) Info() block.Info { return native(uint64(n)) }

// native is what a disk can do that is no disk: everything, at once.
func native(size uint64) block.Info {
	return block.Info{
		Size:      size,
		MultiConn: true,
		Flush:     true,
		Trim:      true,
		FastZero:  true,
		Extents:   true,
		Zero:      block.Native,
		FUA:       block.Native,
		Cache:     block.Native,
	}
}

func (nullClient) Serve(_ context.Context, r block.Request, w *block.Reply) error {
	switch r.Cmd {
	case block.Read:
		w.Hole(r.Length)
	case block.BlockStatus:
		w.Extent(r.Length, block.Hole|block.Zero)
	}
	return nil
}

func (nullClient) Close(context.Context) error { return nil }
