package plugins

import (
	"context"
	"fmt"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Plugin,
		Name:    "memory",
		Summary: "serve a disk that is kept in memory",
		Help: `Serves size= bytes, zero at first, to all clients alike. allocator= says how memory is taken:

  sparse  for what is written, in pages of 32 KiB, and given back for what is trimmed or zeroed; the size may be up
          to 2^63-1 bytes
  malloc  for the whole disk at the start; nothing is given back, and everything counts as data. With mlock=true it is
          never swapped out, which needs a limit of locked memory (ulimit -l) of the disk's size
  zstd    as sparse, but each page is compressed: more data fits in, and takes longer to read and write

A type may be shortened: allocator=m is malloc.

It does not keep anything when nbdtui ends, and does not limit how much of the machine's memory is taken. sparse and zstd
do not reserve any: NO_HOLE has no effect.`,
		Magic:  "size",
		Prompt: true,
		New:    func() block.Builder { return &memoryBuilder{allocate: newSparse} },
	})
}

type memoryBuilder struct {
	size     uint64
	allocate func(size uint64) (store, error)
}

func (b *memoryBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "size", Kind: "SIZE", Help: "how large the disk is", Need: true, Set: param.Size(&b.size)},
		{Name: "allocator", Kind: "sparse|malloc|malloc,mlock=true|zstd", Default: "sparse", Help: "how memory is taken", Set: b.setAllocator},
	}}
}

// setAllocator takes a type, or its beginning, and parameters behind commas; one without a value is true.
func (b *memoryBuilder) setAllocator(value string) error {
	name, rest, more := strings.Cut(value, ",")
	switch {
	case name == "":
		return fmt.Errorf("must be sparse, malloc or zstd")
	case strings.HasPrefix("malloc", name):
		return b.setMalloc(rest)
	case strings.HasPrefix("sparse", name):
		b.allocate = newSparse
	case strings.HasPrefix("zstd", name):
		b.allocate = newCompressed
	default:
		return fmt.Errorf("unknown allocator %q: there are sparse, malloc and zstd", name)
	}
	if more {
		return fmt.Errorf("%s takes no parameters: only malloc does", name)
	}
	return nil
}

func (b *memoryBuilder) setMalloc(parameters string) error {
	lock := false
	for word := range strings.SplitSeq(parameters, ",") {
		key, value, ok := strings.Cut(word, "=")
		switch {
		case word == "":
			continue
		case key != "mlock":
			return fmt.Errorf("malloc has no parameter %q: it has mlock", key)
		case !ok:
			value = "1"
		}
		var err error
		if lock, err = param.ParseBool(value); err != nil {
			return fmt.Errorf("mlock=%s: %w", value, err)
		}
	}
	b.allocate = func(size uint64) (store, error) { return newMalloc(size, lock) }
	return nil
}

// Dump says what every build has.
func (*memoryBuilder) Dump() (string, block.Threads, error) {
	return "mlock=yes\nzstd=yes\n", block.Parallel, nil
}

func (b *memoryBuilder) Build(block.Host) (block.Layer, error) {
	s, err := b.allocate(b.size)
	if err != nil {
		return nil, err
	}
	return &memory{store: s, size: b.size}, nil
}

// store keeps the bytes of a disk. It is used by several goroutines at once; nothing in it waits for anything but
// another one's copy, and nothing fails.
type store interface {
	read(w *block.Reply, off, n uint64)
	write(b []byte, off uint64)
	zero(off, n uint64)
	status(w *block.Reply, off, n uint64)
	slow() bool // it takes so long that others should not be kept waiting for it
	close() error
}

// memory is the layer, and every client's view.
type memory struct {
	store
	size uint64
}

func (m *memory) Open(context.Context, block.OpenRequest, block.Opener) (block.Handler, error) {
	return memoryClient{m}, nil
}

// Close lets the memory go.
func (m *memory) Close() error { return m.store.close() }

// memoryClient is a client's view.
type memoryClient struct{ *memory }

func (m memoryClient) Info() block.Info { return native(m.size) }

func (m memoryClient) Serve(_ context.Context, r block.Request, w *block.Reply) error {
	if r.Flags&block.NoWait != 0 && m.slow() {
		return block.ErrWait
	}
	switch r.Cmd {
	case block.Read:
		m.read(w, r.Offset, r.Length)
	case block.Write:
		m.write(r.Data, r.Offset)
	case block.Trim, block.WriteZeroes:
		m.zero(r.Offset, r.Length)
	case block.BlockStatus:
		m.status(w, r.Offset, r.Length)
	}
	return nil // Flush and Cache: it is all in memory
}

func (m memoryClient) Close(context.Context) error { return nil }
