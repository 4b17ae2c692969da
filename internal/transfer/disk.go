package transfer

import (
	"context"
	"fmt"

	"example.com/nbdtui/internal/block"
)

// disk is a regular file or a block device, behind a door: what the device cannot do is emulated there.
type disk struct {
	*block.Door
	label string
	align uint64
}

// sized is a Disk whose size was asked once.
type sized struct {
	*block.Disk
	n uint64
}

func (s *sized) Size() uint64 { return s.n }

func openDoor(path string, o block.DiskOptions) (*disk, error) {
	d, err := block.OpenDisk(path, o)
	if err != nil {
		return nil, err
	}
	n, err := d.Size()
	if err != nil {
		d.Close()
		return nil, about("find the size of", path, err)
	}
	h := block.FromDevice(&sized{d, n}, block.Info{ReadOnly: d.ReadOnly()})
	return &disk{block.NewDoor(h, path, true, func(string, ...any) {}), path, 1}, nil
}

func (d *disk) limits() limits { return free }
func (d *disk) close() error   { return d.Close(context.Background()) }

// diskSource reads a regular file or a block device.
type diskSource struct {
	*disk
	plan
}

func openDisk(path string) (source, error) {
	d, err := openDoor(path, block.DiskOptions{ReadOnly: true, Advice: block.Sequential})
	if err != nil {
		return nil, err
	}
	return &diskSource{d, plan{label: path, total: d.Info().Size, look: d.extents}}, nil
}

func (s *diskSource) limits() limits { return s.disk.limits() }

func (s *diskSource) fill(ctx context.Context, p *piece) error {
	return s.ReadInto(ctx, p.bytes(), p.off, 0)
}

func (d *disk) extents(ctx context.Context, off, n uint64, list []block.Extent) ([]block.Extent, error) {
	a := block.GetAnswer(false)
	defer a.Put()
	err := d.Serve(ctx, block.Request{Cmd: block.BlockStatus, Offset: off, Length: n}, a.Reply())
	return append(list, a.Extents()...), err
}

// device writes a block device, in place. What it holds behind the source's size stays.
type device struct{ *disk }

func openDevice(path string, from source) (destination, error) {
	d, err := openDoor(path, block.DiskOptions{})
	if err != nil {
		return nil, err
	}
	to := &device{d}
	if err = fits(from, to, d.Info().Size); err == nil && d.Info().ReadOnly {
		err = fmt.Errorf("%s may not be written", path)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return to, nil
}

func (d *device) name() string { return d.label }

func (d *device) write(ctx context.Context, p *piece) error {
	return d.ask(ctx, block.Request{Cmd: block.Write, Offset: p.off, Length: p.n, Data: p.bytes()})
}

func (d *device) zero(ctx context.Context, p *piece) error {
	return d.ask(ctx, block.Request{Cmd: block.WriteZeroes, Flags: block.MayTrim, Offset: p.off, Length: p.n})
}

func (d *device) finish(ctx context.Context, _ uint64) error {
	return about("flush", d.label, d.ask(ctx, block.Request{Cmd: block.Flush}))
}

func (d *disk) ask(ctx context.Context, r block.Request) error {
	a := block.GetAnswer(false)
	defer a.Put()
	return d.Serve(ctx, r, a.Reply())
}
