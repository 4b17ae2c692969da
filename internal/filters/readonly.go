package filters

import (
	"context"
	"fmt"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "readonly",
		Summary: "refuse writes, always or while a file exists",
		Help: `Without a parameter the export is read-only, as with -r, and what is below is opened for reading only. With
readonly-file= the export is offered as it is, and while a file of that name exists every write, trim and zero is
refused with EPERM; the file is looked for at each of them.

It does not stop changes that were on their way when the file appeared, does not flush, and does not tell clients that
the export has become read-only: --filter=pause holds writes instead of failing them.`,
		Prompt: true,
		New:    func() block.Builder { return &readonlyBuilder{} },
	})
}

type readonlyBuilder struct{ file trigger }

func (b *readonlyBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "readonly-file", Kind: "PATH", Help: "refuse changes only while this file exists", Set: b.file.set},
	}}
}

func (b *readonlyBuilder) Build(block.Host) (block.Layer, error) {
	return &readonlyLayer{file: b.file, always: b.file.path == "", err: fmt.Errorf("%s exists: %w", b.file.path, syscall.EPERM)}, nil
}

type readonlyLayer struct {
	file   trigger
	always bool
	err    error
}

func (l *readonlyLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	o.ReadOnly = o.ReadOnly || l.always
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	info := next.Info()
	if l.always {
		info = info.WithoutChanges()
	}
	return &readonlyHandler{l, next, info}, nil
}

func (l *readonlyLayer) Close() error { return nil }

// readonlyHandler meets a change only where there is a file to look for: else the door refuses it.
type readonlyHandler struct {
	*readonlyLayer
	next *block.Door
	info block.Info
}

func (h *readonlyHandler) Info() block.Info { return h.info }

func (h *readonlyHandler) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if r.Cmd.Changes() {
		if r.Flags&block.NoWait != 0 {
			return block.ErrWait // the file may be on a disk that is slow
		}
		if h.file.on() {
			return h.err
		}
	}
	return h.next.Serve(ctx, r, w)
}

func (h *readonlyHandler) Close(ctx context.Context) error { return h.next.Close(ctx) }
