package blocktest

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

// testErrors makes what is below fail, and panic.
func testErrors(t *testing.T, s Subject) {
	stack := s.Build(t, false)
	d := openDisk(t, stack, false)
	for _, fault := range []struct {
		name string
		set  func(bool)
	}{{"error", stack.Probe.Fail.Store}, {"panic", stack.Probe.Panic.Store}} {
		fault.set(true)
		for cmd := range block.Cmd(block.Commands) {
			r := block.Request{Cmd: cmd, Length: 4096}
			switch cmd {
			case block.Write:
				r.Data = make([]byte, 4096)
			case block.Flush:
				r.Length = 0
			}
			served := stack.Probe.Served.Load()
			a := block.GetAnswer(false)
			copy(a.Reply().Bytes(4), "kept")
			a.Reply().Extent(4, block.Zero)
			err := d.door.Serve(t.Context(), r, a.Reply())
			switch {
			case stack.Probe.Served.Load() == served: // answered above
			case !errors.Is(err, syscall.EIO):
				t.Errorf("%s below, %v: %v, want EIO", fault.name, cmd, err)
			case a.Reply().Len() != 8 || len(a.Segments()) != 1 || string(a.Segments()[0].Data) != "kept" || len(a.Extents()) != 1:
				t.Errorf("%s below, %v: the reply has %d bytes, want the 8 it had", fault.name, cmd, a.Reply().Len())
			}
			a.Put()
		}
		fault.set(false)
	}
	d.check(0, uint64(len(d.model)))
}

func testTruncated(t *testing.T, s Subject) {
	for _, splice := range []bool{false, true} {
		d := newDisk(t, s, splice)
		size := uint64(len(d.model))
		d.write(0, bytes.Repeat([]byte{9}, int(size/4)), 0)
		s.Truncate(t)
		for _, r := range []block.Request{{Length: size}, {Length: 4096, Offset: size - 4096}, {Length: 1, Offset: size - 1},
			{Length: 1 << 20, Offset: size - 1<<20}, {Length: 4096, Offset: size/2 - 1}, {Length: 1 << 20, Offset: size/2 - 1}} {
			for _, r.Flags = range []block.Flags{0, block.NoWait} {
				a, err := d.do(r)
				if errors.Is(err, block.ErrWait) && r.Flags&block.NoWait != 0 {
					err = syscall.EIO
				}
				if !errors.Is(err, syscall.EIO) || a.Reply().Len() != 0 {
					t.Errorf("read of %d from %d, past the end: %v with %d bytes, want EIO", r.Length, r.Offset, err, a.Reply().Len())
				}
				a.Put()
			}
		}
		a, err := d.do(block.Request{Cmd: block.BlockStatus, Offset: size/2 - 1, Length: 4096})
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("block status past the end: %v, %v, want EIO", err, a.Extents())
		}
		a.Put()
		d.check(0, size/2)
	}
}
