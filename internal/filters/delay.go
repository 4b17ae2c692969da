package filters

import (
	"context"
	"errors"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "delay",
		Summary: "make requests, opening or closing take longer",
		Help: `Waits before a request is passed on, as long as the parameter of its kind says. wdelay= sets write, zero and
trim at once; of two parameters for the same kind the last one holds. A time is a number of seconds, or has a unit:
1.5, 200ms, 10us, 50ns. With delay-fast-zero=false a fast zero is refused at once where zeroes have a delay.

    nbdtui --filter=delay file disk.img rdelay=100ms wdelay=100ms

It does not delay flush, does not limit how much is read or written (--filter=rate does), and does not put requests in
a row: several wait at the same time. Zeroes are delayed as writes where the server has to write them. A wait ends with
ESHUTDOWN when the client is gone or the session ends.`,
		New: func() block.Builder { return &delayBuilder{fastZero: true} },
	})
}

type delayBuilder struct {
	requests    [block.Commands]time.Duration
	open, close time.Duration
	fastZero    bool
}

func (b *delayBuilder) Table() param.Table {
	var table param.Table
	add := func(help string, to []*time.Duration, names ...string) {
		for _, name := range names {
			table.Params = append(table.Params, param.Param{Name: name, Kind: "TIME", Default: "0", Help: help, Set: setDuration(to...)})
		}
	}
	of := func(commands ...block.Cmd) (to []*time.Duration) {
		for _, c := range commands {
			to = append(to, &b.requests[c])
		}
		return to
	}
	add("wait before a read", of(block.Read), "rdelay", "delay-read", "delay-reads")
	add("wait before a write", of(block.Write), "delay-write", "delay-writes")
	add("wait before a write, zero or trim", of(block.Write, block.WriteZeroes, block.Trim), "wdelay")
	add("wait before a zero", of(block.WriteZeroes), "delay-zero", "delay-zeroes")
	add("wait before a trim", of(block.Trim), "delay-trim", "delay-trims", "delay-discard", "delay-discards")
	add("wait before a block status", of(block.BlockStatus), "delay-extent", "delay-extents")
	add("wait before a cache request", of(block.Cache), "delay-cache")
	add("wait before the export is opened", []*time.Duration{&b.open}, "delay-open")
	add("wait before the export is closed", []*time.Duration{&b.close}, "delay-close")
	table.Params = append(table.Params, param.Param{Name: "delay-fast-zero", Kind: "BOOL", Default: "true",
		Help: "false refuses a fast zero at once instead of delaying it", Set: param.Bool(&b.fastZero)})
	return table
}

func (b *delayBuilder) Build(block.Host) (block.Layer, error) {
	return &delayLayer{*b, b.requests[block.WriteZeroes] > 0 && !b.fastZero}, nil
}

type delayLayer struct {
	delayBuilder
	refuse bool // fast zeroes, at once
}

func (l *delayLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	if err := sleep(ctx, l.open); err != nil {
		return nil, err
	}
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	info := next.Info()
	info.FastZero = info.FastZero || l.refuse && info.Zero != block.None
	return &delayed{l, next, info}, nil
}

func (l *delayLayer) Close() error { return nil }

// delayed is one client's view.
type delayed struct {
	*delayLayer
	next *block.Door
	info block.Info
}

func (h *delayed) Info() block.Info { return h.info }

func (h *delayed) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if h.refuse && r.Flags&block.FastZero != 0 {
		return syscall.ENOTSUP
	}
	if d := h.requests[r.Cmd]; d > 0 {
		if r.Flags&block.NoWait != 0 {
			return block.ErrWait
		}
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
	return h.next.Serve(ctx, r, w)
}

// Close waits, and closes what is below however the wait ended.
func (h *delayed) Close(ctx context.Context) error {
	return errors.Join(sleep(ctx, h.close), h.next.Close(ctx))
}
