package block

import (
	"bytes"
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
)

// ram is the least Device.
type ram []byte

func (d ram) ReadAt(b []byte, off int64) (int, error) { return bytes.NewReader(d).ReadAt(b, off) }
func (d ram) Size() uint64                            { return uint64(len(d)) }

// writableRAM can also be written, flushed and closed.
type writableRAM struct {
	ram
	syncs, closes int
	failed        error
}

func (d *writableRAM) WriteAt(b []byte, off int64) (int, error) { return copy(d.ram[off:], b), nil }
func (d *writableRAM) Sync() error                              { d.syncs++; return d.failed }
func (d *writableRAM) Close() error                             { d.closes++; return nil }

func TestFromTheLeastDevice(t *testing.T) {
	d, _ := outer(FromDevice(ram(pattern(1000)), Info{MultiConn: true, FastZero: true}))
	if got, want := d.Info(), (Info{Size: 1000, ReadOnly: true, MultiConn: true, Cache: Emulate}); got != want {
		t.Errorf("Info is %+v, want %+v", got, want)
	}
	b := make([]byte, 1000)
	if err := d.ReadInto(t.Context(), b, 0, 0); err != nil || !bytes.Equal(b, pattern(1000)) {
		t.Errorf("read up to the end: %v", err)
	}
	if err := d.ReadInto(t.Context(), b, 0, NoWait); err != ErrWait {
		t.Errorf("NoWait: %v, want ErrWait", err)
	}
	if err := d.ReadInto(t.Context(), b, 0, NoWait|DiskWait); err != nil {
		t.Errorf("DiskWait: %v", err)
	}
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestFromADeviceThatCanBeWritten(t *testing.T) {
	ram := &writableRAM{ram: make([]byte, 1000)}
	d, _ := outer(FromDevice(ram, Info{}))
	if got, want := d.Info(), (Info{Size: 1000, Flush: true, Zero: Emulate, FUA: Emulate, Cache: Emulate}); got != want {
		t.Errorf("Info is %+v, want %+v", got, want)
	}
	write := Request{Cmd: Write, Offset: 10, Length: 3, Data: []byte("abc")}
	if err := ask(t, d, write); err != nil || ram.syncs != 0 || string(ram.ram[10:13]) != "abc" {
		t.Errorf("write: %v, %d syncs", err, ram.syncs)
	}
	write.Flags = FUA
	if err := ask(t, d, write); err != nil || ram.syncs != 1 {
		t.Errorf("write with FUA: %v, %d syncs", err, ram.syncs)
	}
	if err := ask(t, d, Request{Cmd: Flush}); err != nil || ram.syncs != 2 {
		t.Errorf("flush: %v, %d syncs", err, ram.syncs)
	}
	if err := ask(t, d, Request{Cmd: WriteZeroes, Offset: 10, Length: 3}); err != nil || ram.ram[10] != 0 {
		t.Errorf("zero: %v", err)
	}
	ram.failed = syscall.EIO
	if err := ask(t, d, write); !errors.Is(err, syscall.EIO) {
		t.Errorf("write with FUA that cannot be flushed: %v", err)
	}
	if err := d.Close(t.Context()); err != nil || ram.closes != 1 {
		t.Errorf("close: %v, %d times", err, ram.closes)
	}
}

// short is a device that is shorter than it said.
type short struct{ ram }

func (short) Size() uint64 { return 5000 }

func TestADeviceThatEndsEarly(t *testing.T) {
	d, _ := outer(FromDevice(short{make([]byte, 1000)}, Info{}))
	if err := d.ReadInto(t.Context(), make([]byte, 200), 900, 0); !errors.Is(err, syscall.EIO) || errors.Is(err, io.EOF) {
		t.Errorf("%v, want EIO", err)
	}
}
