package blocktest

import (
	"bytes"
	"context"
	"testing"

	"example.com/nbdtui/internal/block"
)

// disk is a door and what it should hold.
type disk struct {
	*testing.T
	door   *block.Door
	model  []byte
	splice bool
}

func newDisk(t *testing.T, s Subject, splice bool) *disk {
	t.Helper()
	return openDisk(t, s.Build(t, false), splice)
}

func openDisk(t *testing.T, s *Stack, splice bool) *disk {
	t.Helper()
	door := s.Open(t, block.OpenRequest{})
	return &disk{t, door, make([]byte, door.Info().Size), splice}
}

// do serves r, with something in the reply before it that must stay.
func (d *disk) do(r block.Request) (*block.Answer, error) {
	a := block.GetAnswer(d.splice)
	return a, d.door.Serve(context.Background(), r, a.Reply())
}

// must serves r and returns the bytes of a Read.
func (d *disk) must(r block.Request) []byte {
	d.Helper()
	a, err := d.do(r)
	defer a.Put()
	if err != nil {
		d.Fatalf("%v of %d from %d, flags %b: %v", r.Cmd, r.Length, r.Offset, r.Flags, err)
	}
	b, _ := Bytes(d, a)
	return b
}

func (d *disk) read(off, n uint64) []byte {
	d.Helper()
	return d.must(block.Request{Cmd: block.Read, Offset: off, Length: n})
}

func (d *disk) write(off uint64, b []byte, f block.Flags) {
	d.Helper()
	before := bytes.Clone(b)
	d.must(block.Request{Cmd: block.Write, Flags: f, Offset: off, Length: uint64(len(b)), Data: b})
	if !bytes.Equal(b, before) {
		d.Fatal("the payload was changed")
	}
	copy(d.model[off:], b)
}

// check compares a range with the model.
func (d *disk) check(off, n uint64) {
	d.Helper()
	got, want := d.read(off, n), d.model[off:off+n]
	if uint64(len(got)) != n {
		d.Fatalf("read of %d from %d: %d bytes came", n, off, len(got))
	}
	if !bytes.Equal(got, want) {
		i := 0
		for got[i] == want[i] {
			i++
		}
		d.Fatalf("read of %d from %d: byte %d is %#x, want %#x", n, off, off+uint64(i), got[i], want[i])
	}
}

// adopt takes what a trim left: each byte as it was, or zero.
func (d *disk) adopt(off, n uint64) {
	d.Helper()
	got := d.read(off, n)
	if len(bytes.Trim(got, "\x00")) == 0 {
		clear(d.model[off : off+n])
		return
	}
	for i, b := range got {
		at := off + uint64(i)
		if b != d.model[at] && b != 0 {
			d.Fatalf("trim of %d from %d: byte %d is %#x, and was %#x", n, off, at, b, d.model[at])
		}
		d.model[at] = b
	}
}

// status asks about a range and returns how far the answer reaches.
func (d *disk) status(off, n uint64, f block.Flags) uint64 {
	d.Helper()
	a, err := d.do(block.Request{Cmd: block.BlockStatus, Flags: f, Offset: off, Length: n})
	defer a.Put()
	if err != nil {
		d.Fatalf("block status of %d from %d: %v", n, off, err)
	}
	if len(a.Extents()) == 0 || f&block.ReqOne != 0 && len(a.Extents()) > 1 {
		d.Fatalf("block status of %d from %d, flags %b: %d extents", n, off, f, len(a.Extents()))
	}
	end := off
	for _, e := range a.Extents() {
		if e.Length == 0 || e.Length > off+n-end {
			d.Fatalf("block status of %d from %d: an extent of %d at %d", n, off, e.Length, end)
		}
		if e.Flags&block.Zero != 0 && len(bytes.Trim(d.model[end:end+e.Length], "\x00")) != 0 {
			d.Fatalf("block status of %d from %d: %d bytes at %d are said to be zero, and are not", n, off, e.Length, end)
		}
		end += e.Length
	}
	return end
}
