package filters

import (
	"context"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "delay",
		Prompt:  true,
		Summary: "make requests, opening or closing take longer",
		Help: `Waits before a request is passed on, as long as the parameter of its kind says. wdelay= sets write, zero and
trim at once; of two parameters for the same kind the last one holds. A time is a number of seconds, or has a unit:
1.5, 200ms, 10us, 50ns. With delay-fast-zero=false a fast zero is refused at once where zeroes have a delay. With
delay-trigger= there are delays only while a file of that name exists.

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
	trigger     trigger
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
	table.Params = append(table.Params,
		param.Param{Name: "delay-fast-zero", Kind: "BOOL", Default: "true",
			Help: "false refuses a fast zero at once instead of delaying it", Set: param.Bool(&b.fastZero)},
		param.Param{Name: "delay-trigger", Kind: "PATH", Help: "wait only while this file exists", Set: b.trigger.set})
	return table
}

func (b *delayBuilder) Build(h block.Host) (block.Layer, error) {
	l := &delayLayer{fastZero: b.fastZero, trigger: b.trigger, stopping: h.Stopping}
	for cmd, d := range b.requests {
		l.requests[cmd].set(d)
	}
	l.open.set(b.open)
	l.close.set(b.close)
	return l, nil
}

type delayLayer struct {
	requests    [block.Commands]tunable
	open, close tunable
	fastZero    bool
	trigger     trigger
	stopping    <-chan struct{}
}

// wait waits as long as t says, where there is something that says so.
func (l *delayLayer) wait(ctx context.Context, t *tunable) error {
	if t.get() == 0 || !l.trigger.on() {
		return nil
	}
	return t.sleep(ctx, l.stopping)
}

// Knobs are the times of all that this filter delays.
func (l *delayLayer) Knobs() []block.Knob {
	return []block.Knob{
		l.requests[block.Read].knob("delay-read"), l.requests[block.Write].knob("delay-write"),
		l.requests[block.WriteZeroes].knob("delay-zero"), l.requests[block.Trim].knob("delay-trim"),
		l.requests[block.BlockStatus].knob("delay-extents"), l.requests[block.Cache].knob("delay-cache"),
		l.open.knob("delay-open"), l.close.knob("delay-close"),
	}
}

func (l *delayLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	if err := l.wait(ctx, &l.open); err != nil {
		return nil, err
	}
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	info := next.Info()
	info.FastZero = info.FastZero || l.refuses() && info.Zero != block.None
	return &delayed{l, next, info}, nil
}

// refuses reports whether fast zeroes are refused, so that they are not slow.
func (l *delayLayer) refuses() bool { return !l.fastZero && l.requests[block.WriteZeroes].get() > 0 }

func (l *delayLayer) Close() error { return nil }

// delayed is one client's view.
type delayed struct {
	*delayLayer
	next *block.Door
	info block.Info
}

func (h *delayed) Info() block.Info { return h.info }

func (h *delayed) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if r.Flags&block.FastZero != 0 && (h.refuses() || !h.next.Info().FastZero) {
		return syscall.ENOTSUP
	}
	if d := &h.requests[r.Cmd]; d.get() > 0 {
		if r.Flags&block.NoWait != 0 {
			return block.ErrWait
		}
		if err := h.wait(ctx, d); err != nil {
			return err
		}
	}
	return h.next.Serve(ctx, r, w)
}

// Close waits, and closes what is below however the wait ended.
func (h *delayed) Close(ctx context.Context) error {
	h.wait(ctx, &h.close)
	return h.next.Close(ctx)
}
