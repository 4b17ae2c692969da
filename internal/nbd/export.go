package nbd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// export is one client's view of an export.
type export struct {
	asked string // as the client names it
	name  string // its own; another one only where the client named none
	door  *block.Door
	info  block.Info
	lane  *block.Lane // nil where there is no gate

	entered chan struct{} // closed when the client's transmission begins
}

// open opens the export that the client names, or keeps the one that it has opened by that name already: what INFO
// has told, GO must hold ("NBD_OPT_GO").
func (c *conn) open(name string) error {
	if c.export != nil && c.export.asked == name {
		return nil
	}
	c.forget()
	e := &export{asked: name, name: name, entered: make(chan struct{})}
	if g := c.server.cfg.Gate; g != nil {
		e.lane = g.Lane()
	}
	began := time.Now()
	door, err := c.openDoor(e)
	c.allow(time.Since(began))
	if err == nil {
		e.door, e.info = door, door.Info()
		if e.info.Size <= math.MaxInt64 {
			c.export = e
			return nil
		}
		err = errors.Join(fmt.Errorf("a size of %d bytes cannot be served", e.info.Size), door.Close(c.ctx))
	}
	if e.lane != nil {
		e.lane.Close()
	}
	level := Warning
	fault, _ := openFault(name, err)
	if errors.Is(err, syscall.EIO) || name == "" && fault == wire.RepErrUnknown { // the disk's doing, not the client's
		level = Failure
	}
	// Clients ask again (INFO, then GO), and are answered so again; people are told once.
	if text := fmt.Sprintf("did not get export %q: %v", name, err); text != c.refusal {
		c.refusal = text
		c.event(level, "%s", text)
	}
	return err
}

// forget closes the export that the client has opened, if there is one.
func (c *conn) forget() {
	old := c.export
	if old == nil {
		return
	}
	c.export = nil
	if err := old.close(c.ctx); err != nil {
		c.event(Warning, "closed export %q: %v", old.name, err)
	}
}

// openDoor finds the export's own name, and opens it.
func (c *conn) openDoor(e *export) (*block.Door, error) {
	q := c.listRequest()
	if e.asked == "" {
		name, err := c.server.cfg.Default(c.ctx, q)
		if err != nil {
			return nil, fmt.Errorf("name the default export: %w", err)
		}
		e.name = name
	}
	return c.server.cfg.Open(c.ctx, block.OpenRequest{
		Name: e.name, ReadOnly: q.ReadOnly, TLS: q.TLS, Peer: q.Peer, Lane: e.lane, Entered: e.entered,
		Disconnect: c.disconnect, Shutdown: c.server.cfg.Shutdown,
	})
}

// listRequest is what layers are told of the client before it has chosen an export.
func (c *conn) listRequest() block.ListRequest {
	q := block.ListRequest{ReadOnly: c.server.cfg.ReadOnly, Peer: c.peer}
	if c.secured != nil {
		q.TLS = &c.secured.state
	}
	return q
}

// close closes the door. Nothing of the client's is in flight any more.
func (e *export) close(ctx context.Context) error {
	err := e.door.Close(ctx)
	if e.lane != nil {
		e.lane.Close()
	}
	if err != nil {
		return fmt.Errorf("close export %q: %w", e.name, err)
	}
	return nil
}

// flags are the export's transmission flags as this client may use them.
func (c *conn) flags() wire.TransmissionFlags {
	i := c.export.info
	f := wire.HasFlags
	for _, offer := range []struct {
		flag wire.TransmissionFlags
		made bool
	}{
		{wire.ReadOnly, i.ReadOnly},
		{wire.SendFlush, i.Flush},
		{wire.SendFUA, i.FUA != block.None},
		{wire.Rotational, i.Rotational},
		{wire.SendTrim, i.Trim && !i.ReadOnly},
		{wire.SendWriteZeroes, i.Zero != block.None && !i.ReadOnly},
		{wire.SendFastZero, i.Zero != block.None && !i.ReadOnly && i.FastZero},
		{wire.SendDF, c.structured},
		{wire.CanMultiConn, i.MultiConn && c.server.cfg.Threads != block.SerializeConnections},
		{wire.SendCache, i.Cache != block.None},
		{wire.BlockStatusPayload, c.extended && c.chosen()},
	} {
		if offer.made {
			f |= offer.flag
		}
	}
	return f
}

// exportName checks a name that a client sent ("Values": UTF-8 without NUL, at most 4096 bytes).
func exportName(b []byte) (name, fault string) {
	switch {
	case len(b) > wire.MaxString:
		return "", "the name is longer than 4096 bytes"
	case bytes.IndexByte(b, 0) >= 0:
		return "", "the name contains a NUL"
	case !utf8.Valid(b):
		return "", "the name is not UTF-8"
	}
	return string(b), ""
}

// openFault is how a failed open is answered.
func openFault(name string, err error) (wire.ReplyType, string) {
	switch {
	case errors.Is(err, block.ErrShutdown):
		return wire.RepErrShutdown, "the server is shutting down"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return wire.RepErrPolicy, "this export is not for you"
	}
	const most = 80 // characters of a name that is echoed
	return wire.RepErrUnknown, fmt.Sprintf("no export %.*q", most, name)
}

// clean makes of a layer's text what may be a string on the wire: UTF-8 without NUL, not too long ("Conventions").
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	if len(s) <= wire.MaxString {
		return s
	}
	return strings.ToValidUTF8(s[:wire.MaxString], "")
}
