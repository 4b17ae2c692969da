package transfer

import (
	"context"
	"errors"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/client"
	"example.com/nbdtui/internal/nbd/wire"
)

// connections is how many there are to a server that keeps them coherent (CAN_MULTI_CONN).
const connections = 4

// export is an NBD export, by one connection or several.
type export struct {
	label   string
	clients []*client.Client
}

func dial(ctx context.Context, uri string) (*export, error) {
	u, err := client.ParseURI(uri)
	if err != nil {
		return nil, err
	}
	e := &export{label: u.String()}
	for len(e.clients) < connections {
		c, err := u.Dial(ctx)
		if err != nil && len(e.clients) > 0 && ctx.Err() == nil {
			break // a server may allow fewer; one is enough
		}
		if err != nil {
			return nil, errors.Join(err, e.close())
		}
		e.clients = append(e.clients, c)
		if !c.Can(wire.CanMultiConn) {
			break
		}
	}
	return e, nil
}

// of is the connection that takes a piece.
func (e *export) of(p *piece) *client.Client { return e.clients[p.number%uint64(len(e.clients))] }

func (e *export) limits() limits {
	i := e.clients[0].Info()
	return limits{align: uint64(i.MinBlock), largest: min(pieceSize, uint64(i.MaxPayload)&^uint64(i.MinBlock-1))}
}

func (e *export) close() (err error) {
	for _, c := range e.clients {
		err = errors.Join(err, c.Close())
	}
	return err
}

// exportSource reads an export.
type exportSource struct {
	*export
	plan
}

func dialSource(ctx context.Context, uri string) (source, error) {
	e, err := dial(ctx, uri)
	if err != nil {
		return nil, err
	}
	c := e.clients[0]
	return &exportSource{e, plan{label: e.label, total: c.Size(), look: func(ctx context.Context, off, n uint64, list []block.Extent) ([]block.Extent, error) {
		return c.Extents(ctx, off, n, 0, list)
	}}}, nil
}

func (s *exportSource) limits() limits { return s.export.limits() }

func (s *exportSource) fill(ctx context.Context, p *piece) error {
	return s.of(p).ReadAt(ctx, p.bytes(), p.off)
}

// exportDestination writes an export. What it holds behind the source's size stays.
type exportDestination struct{ *export }

func dialDestination(ctx context.Context, uri string, from source) (destination, error) {
	e, err := dial(ctx, uri)
	if err != nil {
		return nil, err
	}
	d := &exportDestination{e}
	c := e.clients[0]
	if err = fits(from, d, c.Size()); err == nil && c.Can(wire.ReadOnly) {
		err = errors.New(d.label + " is read-only")
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *exportDestination) name() string { return d.label }

func (d *exportDestination) write(ctx context.Context, p *piece) error {
	return d.of(p).WriteAt(ctx, p.bytes(), p.off, 0)
}

func (d *exportDestination) zero(ctx context.Context, p *piece) error {
	c := d.of(p)
	if c.Can(wire.SendWriteZeroes) {
		return c.Zero(ctx, p.off, p.n, block.MayTrim)
	}
	return eachZero(p.n, d.limits().largest, func(done uint64, b []byte) error {
		return c.WriteAt(ctx, b, p.off+done, 0)
	})
}

// finish flushes: by one connection, because several are used only where that covers all.
func (d *exportDestination) finish(ctx context.Context, _ uint64) error {
	c := d.clients[0]
	if !c.Can(wire.SendFlush) {
		return nil
	}
	return about("flush", d.label, c.Flush(ctx))
}

var zeroes [pieceSize]byte

// eachZero writes n zero bytes in steps.
func eachZero(n, step uint64, write func(done uint64, b []byte) error) error {
	for done := uint64(0); done < n; done += step {
		if err := write(done, zeroes[:min(step, n-done)]); err != nil {
			return err
		}
	}
	return nil
}
