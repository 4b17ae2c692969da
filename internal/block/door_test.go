package block

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
)

// fake is a Handler that counts, and answers as it is told.
type fake struct {
	info   Info
	serve  func(r Request, w *Reply) error
	got    []Request
	closed int
}

func (h *fake) Info() Info { return h.info }

func (h *fake) Serve(_ context.Context, r Request, w *Reply) error {
	h.got = append(h.got, r)
	if h.serve == nil {
		return nil
	}
	return h.serve(r, w)
}

func (h *fake) Close(context.Context) error { h.closed++; return nil }

// all is an Info that offers everything.
var all = Info{Size: 1 << 20, MultiConn: true, Flush: true, Trim: true, FastZero: true, Extents: true,
	Zero: Native, FUA: Native, Cache: Native}

// outer makes the server's door before h, and collects the events.
func outer(h Handler) (*Door, *strings.Builder) {
	var events strings.Builder
	return NewDoor(h, "fake", true, func(f string, a ...any) { fmt.Fprintf(&events, f+"\n", a...) }), &events
}

func ask(t *testing.T, d *Door, r Request) error {
	t.Helper()
	a := GetAnswer(false)
	defer a.Put()
	return d.Serve(t.Context(), r, a.Reply())
}

func TestDoorRefuses(t *testing.T) {
	readOnly, bare, aligned := all, Info{Size: 1 << 20}, all
	readOnly.ReadOnly = true
	aligned.MinBlock = 512
	data := make([]byte, 512)
	for _, c := range []struct {
		name string
		info Info
		r    Request
		want error
	}{
		{"a write when read-only", readOnly, Request{Cmd: Write, Length: 512, Data: data}, syscall.EPERM},
		{"a write of nothing when read-only", readOnly, Request{Cmd: Write}, syscall.EPERM},
		{"a trim when read-only", readOnly, Request{Cmd: Trim, Length: 1}, syscall.EPERM},
		{"a zero when read-only, past the end", readOnly, Request{Cmd: WriteZeroes, Offset: 1 << 30, Length: 1}, syscall.EPERM},
		{"a flush", bare, Request{Cmd: Flush}, syscall.EINVAL},
		{"a trim", bare, Request{Cmd: Trim, Length: 1}, syscall.EINVAL},
		{"a zero", bare, Request{Cmd: WriteZeroes, Length: 1}, syscall.EINVAL},
		{"a cache", bare, Request{Cmd: Cache, Length: 1}, syscall.EINVAL},
		{"FUA", bare, Request{Cmd: Write, Flags: FUA, Length: 512, Data: data}, syscall.EINVAL},
		{"FUA on a read", bare, Request{Cmd: Read, Flags: FUA, Length: 1}, syscall.EINVAL},
		{"a fast zero", Info{Size: 1 << 20, Zero: Native}, Request{Cmd: WriteZeroes, Flags: FastZero, Length: 1}, syscall.EINVAL},
		{"a read past the end", all, Request{Cmd: Read, Offset: 1<<20 - 1, Length: 2}, syscall.EINVAL},
		{"a write past the end", all, Request{Cmd: Write, Offset: 1<<20 - 1, Length: 512, Data: data}, syscall.ENOSPC},
		{"a zero past the end", all, Request{Cmd: WriteZeroes, Offset: 1 << 20, Length: 1}, syscall.ENOSPC},
		{"a trim past the end", all, Request{Cmd: Trim, Offset: 1 << 20, Length: 1}, syscall.EINVAL},
		{"a range that wraps", all, Request{Cmd: Read, Offset: math.MaxUint64, Length: 2}, syscall.EINVAL},
		{"a length that wraps", all, Request{Cmd: Trim, Offset: 2, Length: math.MaxUint64}, syscall.EINVAL},
		{"an offset past the end with nothing", all, Request{Cmd: Read, Offset: 1<<20 + 1}, syscall.EINVAL},
		{"a block status of nothing", all, Request{Cmd: BlockStatus}, syscall.EINVAL},
		{"an offset that is not aligned", aligned, Request{Cmd: Read, Offset: 1, Length: 512}, syscall.EINVAL},
		{"a length that is not aligned", aligned, Request{Cmd: Read, Length: 511}, syscall.EINVAL},
		{"a payload of another length", all, Request{Cmd: Write, Length: 511, Data: data}, syscall.EINVAL},
	} {
		h := &fake{info: c.info}
		d, _ := outer(h)
		err := ask(t, d, c.r)
		if !errors.Is(err, c.want) || len(h.got) != 0 {
			t.Errorf("%s: %v, want %v; the handler met %d requests", c.name, err, c.want, len(h.got))
		}
	}
}

func TestDoorLetsPass(t *testing.T) {
	for _, r := range []Request{
		{Cmd: Read, Offset: 1<<20 - 1, Length: 1},
		{Cmd: Write, Flags: FUA, Length: 3, Data: []byte("abc")},
		{Cmd: Flush},
		{Cmd: Trim, Flags: FUA, Length: 1 << 20},
		{Cmd: WriteZeroes, Flags: FUA | FastZero | MayTrim, Length: 1 << 20},
		{Cmd: Cache, Length: 1},
		{Cmd: BlockStatus, Flags: ReqOne, Offset: 5, Length: 10},
		{Cmd: Read, Flags: FUA | NoWait, Length: 1}, // FUA is legal on every command
	} {
		h := &fake{info: all, serve: func(r Request, w *Reply) error {
			w.Hole(r.Length)
			w.Extent(r.Length, 0)
			return nil
		}}
		d, _ := outer(h)
		if err := ask(t, d, r); r.Cmd != Read && err != nil {
			t.Errorf("%v: %v", r.Cmd, err)
		}
		if !r.Cmd.Changes() {
			r.Flags &^= FUA
		}
		if len(h.got) != 1 || h.got[0].Cmd != r.Cmd || h.got[0].Flags != r.Flags || h.got[0].Length != r.Length {
			t.Errorf("%v: the handler met %+v", r, h.got)
		}
	}
}

func TestDoorDoesNothingForNothing(t *testing.T) {
	for _, cmd := range []Cmd{Read, Write, Trim, WriteZeroes, Cache} {
		for _, off := range []uint64{0, 1 << 20} {
			h := &fake{info: all}
			d, _ := outer(h)
			if err := ask(t, d, Request{Cmd: cmd, Offset: off}); err != nil || len(h.got) != 0 {
				t.Errorf("%v of nothing from %d: %v, the handler met %d requests", cmd, off, err, len(h.got))
			}
		}
	}
}

func TestDoorResetsTheReply(t *testing.T) {
	for name, serve := range map[string]func(Request, *Reply) error{
		"an error":             func(_ Request, w *Reply) error { w.Hole(5); return syscall.EIO },
		"a panic":              func(_ Request, w *Reply) error { w.Hole(5); w.Bytes(3); panic("no") },
		"too few bytes":        func(r Request, w *Reply) error { w.Hole(r.Length - 1); return nil },
		"too many bytes":       func(r Request, w *Reply) error { w.Hole(r.Length + 1); return nil },
		"a panic of a runtime": func(r Request, w *Reply) error { w.Bytes(1)[1] = 0; return nil },
	} {
		d, events := outer(&fake{info: all, serve: serve})
		a := GetAnswer(false)
		copy(a.Reply().Bytes(2), "ab")
		err := d.Serve(t.Context(), Request{Cmd: Read, Length: 100}, a.Reply())
		if !errors.Is(err, syscall.EIO) || a.Reply().Len() != 2 || string(flat(t, a)) != "ab" {
			t.Errorf("%s: %v, %d bytes in the reply", name, err, a.Reply().Len())
		}
		if told := events.Len() > 0; told != (name != "an error") {
			t.Errorf("%s: events %q", name, events)
		}
		a.Put()
	}
}

func TestDoorChecksExtents(t *testing.T) {
	h := &fake{info: all, serve: func(r Request, w *Reply) error { return nil }}
	d, events := outer(h)
	if err := ask(t, d, Request{Cmd: BlockStatus, Length: 10}); !errors.Is(err, syscall.EIO) || events.Len() == 0 {
		t.Errorf("no extent at all: %v, events %q", err, events)
	}
	h.serve = func(r Request, w *Reply) error { w.Extent(6, Hole); w.Extent(100, 0); return nil }
	for f, want := range map[Flags]uint64{0: 10, ReqOne: 6} {
		a := GetAnswer(false)
		if err := d.Serve(t.Context(), Request{Cmd: BlockStatus, Flags: f, Length: 10}, a.Reply()); err != nil || a.Reply().Len() != want {
			t.Errorf("flags %b: %v, %v, want %d bytes covered", f, err, a.Extents(), want)
		}
		a.Put()
	}
	h.info.Extents, h.got = false, nil
	d, _ = outer(h)
	a := GetAnswer(false)
	defer a.Put()
	if err := d.Serve(t.Context(), Request{Cmd: BlockStatus, Length: 10}, a.Reply()); err != nil || len(h.got) != 0 ||
		len(a.Extents()) != 1 || a.Extents()[0] != (Extent{10, 0}) {
		t.Errorf("without extents: %v, %v", err, a.Extents())
	}
}

// zeroed counts what an emulated WriteZeroes writes, at an export too large to hold.
func zeroed(t *testing.T, zero Ability, native error) (*Door, *fake, *uint64) {
	info := all
	info.Size, info.Zero = 1<<40, zero
	var next uint64
	h := &fake{info: info}
	h.serve = func(r Request, w *Reply) error {
		if r.Cmd == WriteZeroes {
			return native
		}
		if r.Cmd != Write || uint64(len(r.Data)) != r.Length || r.Length > 64<<20 || r.Offset != next {
			t.Errorf("step %v of %d from %d, want a write from %d", r.Cmd, r.Length, r.Offset, next)
		}
		for _, b := range [...]byte{r.Data[0], r.Data[len(r.Data)/2], r.Data[len(r.Data)-1]} {
			if b != 0 {
				t.Error("zeroes are not zero")
			}
		}
		next = r.Offset + r.Length
		return nil
	}
	d, _ := outer(h)
	return d, h, &next
}

func TestDoorEmulatesZeroes(t *testing.T) {
	for name, c := range map[string]struct {
		zero   Ability
		native error
		met    int
	}{
		"emulated":                      {Emulate, nil, 4},
		"native, and not after all":     {Native, syscall.EOPNOTSUPP, 5},
		"native, and wrapped in words":  {Native, fmt.Errorf("zero: %w", syscall.ENOTSUP), 5},
		"native, and works at the time": {Native, nil, 1},
	} {
		d, h, next := zeroed(t, c.zero, c.native)
		const off, n = 4095, 3<<26 + 17
		*next = off
		if err := ask(t, d, Request{Cmd: WriteZeroes, Flags: FUA, Offset: off, Length: n}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(h.got) != c.met || h.got[len(h.got)-1].Flags != FUA {
			t.Errorf("%s: the handler met %d requests, want %d; the last one's flags are %b", name, len(h.got), c.met, h.got[len(h.got)-1].Flags)
		}
		if c.met > 1 && *next != off+n {
			t.Errorf("%s: zeroed up to %d, want %d", name, *next, off+n)
		}
	}
}

func TestDoorDoesNotEmulateFastZeroes(t *testing.T) {
	d, h, _ := zeroed(t, Emulate, nil)
	if err := ask(t, d, Request{Cmd: WriteZeroes, Flags: FastZero, Length: 100}); !errors.Is(err, syscall.ENOTSUP) || len(h.got) != 0 {
		t.Errorf("emulated: %v after %d requests, want ENOTSUP at once", err, len(h.got))
	}
	d, h, _ = zeroed(t, Native, syscall.ENOTSUP)
	if err := ask(t, d, Request{Cmd: WriteZeroes, Flags: FastZero, Length: 100}); !errors.Is(err, syscall.ENOTSUP) || len(h.got) != 1 {
		t.Errorf("native: %v after %d requests, want ENOTSUP after one", err, len(h.got))
	}
}

func TestDoorDoesLongRequestsInSlices(t *testing.T) {
	info := all
	info.Size = 1 << 40
	for _, c := range []struct {
		r   Request
		met int
	}{
		{Request{Cmd: WriteZeroes, Flags: FUA | MayTrim}, 3},
		{Request{Cmd: Trim}, 3},
		{Request{Cmd: Cache}, 3},
		{Request{Cmd: WriteZeroes, Flags: FastZero}, 1}, // it may not fail halfway
		{Request{Cmd: BlockStatus}, 1},                  // a layer tells what it likes
	} {
		c.r.Offset, c.r.Length = 512, 5<<29
		next := c.r.Offset
		h := &fake{info: info, serve: func(r Request, w *Reply) error {
			if r.Cmd != c.r.Cmd || r.Flags != c.r.Flags || r.Offset != next || c.met > 1 && r.Length > 1<<30 {
				t.Errorf("%v: %+v, want one from %d", c.r.Cmd, r, next)
			}
			next += r.Length
			w.Extent(r.Length, 0)
			return nil
		}}
		d, _ := outer(h)
		if err := ask(t, d, c.r); err != nil || next != 512+5<<29 || len(h.got) != c.met {
			t.Errorf("%v: %v, done up to %d in %d", c.r.Cmd, err, next, len(h.got))
		}
		h.got = nil
		if c.r.Flags |= NoWait; c.met > 1 {
			if err := ask(t, d, c.r); err != ErrWait || len(h.got) != 0 {
				t.Errorf("%v: %v after %d slices, want ErrWait", c.r.Cmd, err, len(h.got))
			}
		}
		h.serve = func(Request, *Reply) error { return syscall.ENOSPC }
		if c.r.Flags &^= NoWait; !errors.Is(ask(t, d, c.r), syscall.ENOSPC) || len(h.got) != 1 {
			t.Errorf("%v went on for %d slices after one failed", c.r.Cmd, len(h.got))
		}
	}
}

func TestSlicesAreNotTooMany(t *testing.T) {
	for n, want := range map[uint64]uint64{1<<30 + 1: 1 << 30, 1 << 40: 1 << 30, 1<<40 + 1: 1 << 31, math.MaxInt64: 1 << 53} {
		if got := slice(n); got != want || (n+got-1)/got > 1<<10 {
			t.Errorf("slices of %d are %d, want %d", n, got, want)
		}
	}
}

func TestDoorEmulationWaitsForNobody(t *testing.T) {
	d, h, _ := zeroed(t, Emulate, nil)
	if err := ask(t, d, Request{Cmd: WriteZeroes, Flags: NoWait, Length: 100}); err != ErrWait || len(h.got) != 0 {
		t.Errorf("zeroes: %v after %d requests, want ErrWait", err, len(h.got))
	}
	h.info.Cache = Emulate
	d, _ = outer(h)
	if err := ask(t, d, Request{Cmd: Cache, Flags: NoWait, Length: 100}); err != ErrWait || len(h.got) != 0 {
		t.Errorf("cache: %v after %d requests, want ErrWait", err, len(h.got))
	}
}

func TestDoorEmulationEndsWithItsClient(t *testing.T) {
	d, h, _ := zeroed(t, Emulate, nil)
	ctx, cancel := context.WithCancel(t.Context())
	write := h.serve
	h.serve = func(r Request, w *Reply) error { cancel(); return write(r, w) }
	a := GetAnswer(false)
	defer a.Put()
	err := d.Serve(ctx, Request{Cmd: WriteZeroes, Length: 1 << 40}, a.Reply())
	if !errors.Is(err, ErrShutdown) || len(h.got) != 1 {
		t.Errorf("%v after %d steps, want ESHUTDOWN after one", err, len(h.got))
	}
}

func TestInnerDoorsEmulateNothing(t *testing.T) {
	info := all
	info.Zero, info.Cache = Emulate, Emulate
	h := &fake{info: info}
	d := NewDoor(h, "fake", false, func(string, ...any) {})
	for _, cmd := range []Cmd{WriteZeroes, Cache} {
		if err := ask(t, d, Request{Cmd: cmd, Length: 10}); err != nil {
			t.Errorf("%v: %v", cmd, err)
		}
	}
	if len(h.got) != 2 || h.got[0].Cmd != WriteZeroes || h.got[1].Cmd != Cache {
		t.Errorf("the handler met %+v", h.got)
	}
}

func TestDoorEmulatesCacheByReads(t *testing.T) {
	info := all
	info.Size, info.Cache = 1<<40, Emulate
	next := uint64(777)
	h := &fake{info: info, serve: func(r Request, w *Reply) error {
		if r.Cmd != Read || r.Offset != next || r.Length > 1<<20 {
			t.Errorf("step %v of %d from %d, want a read from %d", r.Cmd, r.Length, r.Offset, next)
		}
		next += r.Length
		w.Hole(r.Length)
		return nil
	}}
	d, _ := outer(h)
	if err := ask(t, d, Request{Cmd: Cache, Offset: 777, Length: 5<<20 + 3}); err != nil || next != 777+5<<20+3 {
		t.Errorf("%v, read up to %d", err, next)
	}
}

func TestDoorEmulationAsksForNoMoreThanTheHandlerTakes(t *testing.T) {
	info := all
	info.MinBlock, info.MaxBlock, info.Zero, info.Cache = 512, 3072, Emulate, Emulate
	for cmd, step := range map[Cmd]Cmd{WriteZeroes: Write, Cache: Read} {
		next := uint64(512)
		h := &fake{info: info, serve: func(r Request, w *Reply) error {
			if r.Cmd != step || r.Offset != next || r.Length > 3072 {
				t.Errorf("%v: step %v of %d from %d, want a %v from %d", cmd, r.Cmd, r.Length, r.Offset, step, next)
			}
			next += r.Length
			if r.Cmd == Read {
				w.Hole(r.Length)
			}
			return nil
		}}
		d, _ := outer(h)
		if err := ask(t, d, Request{Cmd: cmd, Offset: 512, Length: 10240}); err != nil || next != 512+10240 {
			t.Errorf("%v: %v, done up to %d", cmd, err, next)
		}
	}
}

func TestReadInto(t *testing.T) {
	h := &fake{info: all, serve: func(r Request, w *Reply) error {
		copy(w.Bytes(3), "abc")
		w.Hole(r.Length - 3)
		return nil
	}}
	d, _ := outer(h)
	b := []byte("??????????")
	if err := d.ReadInto(t.Context(), b[:6], 5, NoWait); err != nil || string(b) != "abc\x00\x00\x00????" {
		t.Errorf("%v, %q", err, b)
	}
	if r := h.got[0]; r.Offset != 5 || r.Length != 6 || r.Flags != NoWait {
		t.Errorf("the handler met %+v", r)
	}
	h.serve = func(r Request, w *Reply) error { w.Bytes(r.Length + 5); return nil }
	if err := d.ReadInto(t.Context(), b[:6], 5, 0); !errors.Is(err, syscall.EIO) || string(b[6:]) != "????" {
		t.Errorf("an answer that is too long: %v, %q", err, b)
	}
	if err := d.ReadInto(t.Context(), nil, 5, 0); err != nil {
		t.Errorf("nothing: %v", err)
	}
}

// nothing is a Handler that does nothing, and passing one that passes all on.
type nothing Info

func (h nothing) Info() Info                                 { return Info(h) }
func (nothing) Serve(context.Context, Request, *Reply) error { return nil }
func (nothing) Close(context.Context) error                  { return nil }

type passing struct{ next *Door }

func (h *passing) Info() Info { return h.next.Info() }
func (h *passing) Serve(ctx context.Context, r Request, w *Reply) error {
	return h.next.Serve(ctx, r, w)
}
func (h *passing) Close(ctx context.Context) error { return h.next.Close(ctx) }
