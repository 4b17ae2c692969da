package plugins

import (
	"context"
	"encoding/binary"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Plugin,
		Name:    "example1",
		Summary: "serve a fixed disk of 100 MiB with one empty partition",
		Help: `Serves 104,857,600 bytes, read-only: a boot sector with one Linux partition in its table, and zeroes behind it.
It is for trying out clients, and takes no parameters.

It cannot be written, and there is no file system in the partition. The boot sector has no code to boot from.`,
		Prompt: true,
		New:    func() block.Builder { return example1Builder{} },
	})
}

type example1Builder struct{}

func (example1Builder) Table() param.Table { return param.Table{} }

func (example1Builder) Build(block.Host) (block.Layer, error) { return example1{}, nil }

type example1 struct{}

func (example1) Open(context.Context, block.OpenRequest, block.Opener) (block.Handler, error) {
	return example1Client{}, nil
}

func (example1) Close() error { return nil }

const (
	example1Size = 100 << 20
	sectorSize   = 512
)

// bootSector is a master boot record: a signature of the disk at 440, four entries of 16 bytes at 446, and its mark at
// the end. An entry is a status, the first sector by cylinder, head and sector, the type, the last sector in the same
// way, and the first sector's number and how many sectors there are.
var bootSector = func() (b [sectorSize]byte) {
	const signature, first, count = 0x25be1, 128, 204_545
	binary.LittleEndian.PutUint32(b[440:], signature)
	entry := b[446:462]
	copy(entry, []byte{0x00, 0x02, 0x03, 0x00, 0x83, 0xbc, 0x31, 0x0c})
	binary.LittleEndian.PutUint32(entry[8:], first)
	binary.LittleEndian.PutUint32(entry[12:], count)
	b[510], b[511] = 0x55, 0xaa
	return b
}()

// example1Client is a client's view: nothing in it waits, and nothing fails.
type example1Client struct{}

func (example1Client) Info() block.Info {
	return block.Info{Size: example1Size, ReadOnly: true, MultiConn: true, Extents: true, Cache: block.Native}
}

func (example1Client) Serve(_ context.Context, r block.Request, w *block.Reply) error {
	head := uint64(0) // how much of the range is in the boot sector
	if r.Offset < sectorSize {
		head = min(r.Length, sectorSize-r.Offset)
	}
	switch r.Cmd {
	case block.Read:
		copy(w.Bytes(head), bootSector[min(r.Offset, sectorSize):])
		w.Hole(r.Length - head)
	case block.BlockStatus:
		w.Extent(head, 0)
		w.Extent(r.Length-head, block.Hole|block.Zero)
	}
	return nil // Cache: it is all in memory
}

func (example1Client) Close(context.Context) error { return nil }
