package blocktest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

// Subject is what the suite runs over.
type Subject struct {
	// Build makes a stack anew, over a disk whose bytes are all zero and which nobody else uses.
	Build func(t testing.TB, readOnly bool) *Stack
	// Holes is set where a disk that was never written answers large reads with holes.
	Holes bool
	// Truncate, unless nil, makes the disk of the stack built last shorter than its clients think, by half.
	Truncate func(t testing.TB)
}

// Run checks one stack.
func Run(t *testing.T, s Subject) {
	for _, splice := range []bool{false, true} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("BehavesLikeTheModel/splice=%v/seed=%d", splice, seed), func(t *testing.T) {
				testModel(t, s, splice, seed)
			})
		}
	}
	t.Run("KeepsItsBounds", func(t *testing.T) { testBounds(t, s) })
	t.Run("RefusesChangesWhenReadOnly", func(t *testing.T) { testReadOnly(t, s) })
	t.Run("OffersWhatItSays", func(t *testing.T) { testAbilities(t, s) })
	t.Run("HidesNoFlush", func(t *testing.T) { testDurable(t, s) })
	t.Run("LeavesTheReplyOnErrors", func(t *testing.T) { testErrors(t, s) })
	t.Run("ServesManyAtOnce", func(t *testing.T) { testConcurrent(t, s) })
	t.Run("NeverWaitsUnderNoWait", func(t *testing.T) { testNoWait(t, s) })
	t.Run("ShowsOneDiskToAllClients", func(t *testing.T) { testShared(t, s) })
	t.Run("EndsWithItsContext", func(t *testing.T) { testContext(t, s) })
	if s.Holes {
		t.Run("AnswersHoles", func(t *testing.T) { testHoles(t, s) })
	}
	if s.Truncate != nil {
		t.Run("FailsPastATruncatedEnd", func(t *testing.T) { testTruncated(t, s) })
	}
}

func testBounds(t *testing.T, s Subject) {
	d := newDisk(t, s, true)
	size := uint64(len(d.model))
	last := []byte{0x5a}
	d.write(size-1, last, 0)
	d.check(size-1, 1)
	d.check(0, 1)
	for _, r := range []block.Request{{Length: 1, Offset: size}, {Length: 2, Offset: size - 1}, {Length: size + 1},
		{Length: 1, Offset: math.MaxUint64}, {Length: math.MaxUint64, Offset: 1}, {Length: 1, Offset: 1 << 63}} {
		for cmd := range block.Cmd(block.Commands) {
			if cmd == block.Flush {
				continue
			}
			r.Cmd = cmd
			want := syscall.EINVAL
			if cmd == block.Write || cmd == block.WriteZeroes {
				want = syscall.ENOSPC
			}
			a, err := d.do(r)
			if !errors.Is(err, want) || a.Reply().Len() != 0 {
				t.Errorf("%v of %d from %d: %v with %d bytes, want %v", cmd, r.Length, r.Offset, err, a.Reply().Len(), want)
			}
			a.Put()
		}
	}
	for _, off := range []uint64{0, 1, size} {
		for _, cmd := range []block.Cmd{block.Read, block.Write, block.Trim, block.WriteZeroes, block.Cache} {
			a, err := d.do(block.Request{Cmd: cmd, Offset: off})
			if i := d.door.Info(); cmd == block.Trim && !i.Trim || cmd == block.Cache && i.Cache == block.None {
				err = nil // not offered at all
			}
			if err != nil || a.Reply().Len() != 0 {
				t.Errorf("%v of nothing from %d: %v, %d bytes", cmd, off, err, a.Reply().Len())
			}
			a.Put()
		}
	}
	d.check(0, size)
}

func testReadOnly(t *testing.T, s Subject) {
	d := openDisk(t, s.Build(t, true), true)
	if !d.door.Info().ReadOnly {
		t.Error("-r has no effect")
	}
	for _, cmd := range []block.Cmd{block.Write, block.Trim, block.WriteZeroes} {
		a, err := d.do(block.Request{Cmd: cmd, Length: 1, Data: []byte{1}})
		if !errors.Is(err, syscall.EPERM) {
			t.Errorf("%v: %v, want EPERM", cmd, err)
		}
		a.Put()
	}
	d.check(0, uint64(len(d.model)))
	if i := d.door.Info(); i.Trim || i.FastZero || i.Zero != block.None || i.FUA != block.None {
		t.Errorf("a read-only disk offers changes: %+v", i)
	}
}

// testAbilities asks for all that Info offers, and for what it does not.
func testAbilities(t *testing.T, s Subject) {
	d := newDisk(t, s, false)
	i := d.door.Info()
	for _, c := range []struct {
		what    string
		offered bool
		r       block.Request
	}{
		{"flush", i.Flush, block.Request{Cmd: block.Flush}},
		{"trim", i.Trim, block.Request{Cmd: block.Trim, Length: 4096}},
		{"write-zeroes", i.Zero != block.None, block.Request{Cmd: block.WriteZeroes, Length: 4096}},
		{"cache", i.Cache != block.None, block.Request{Cmd: block.Cache, Length: 4096}},
		{"FUA", i.FUA != block.None, block.Request{Cmd: block.Write, Flags: block.FUA, Length: 4, Data: []byte("data")}},
		{"block status", true, block.Request{Cmd: block.BlockStatus, Length: 4096}},
	} {
		a, err := d.do(c.r)
		if c.offered && err != nil {
			t.Errorf("%s is offered and fails: %v", c.what, err)
		}
		if !c.offered && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s is not offered: %v, want EINVAL", c.what, err)
		}
		a.Put()
	}
	if i.Zero == block.Emulate && i.FastZero {
		a, err := d.do(block.Request{Cmd: block.WriteZeroes, Flags: block.FastZero, Length: 4096})
		if !errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("a fast zero that is emulated: %v, want ENOTSUP", err)
		}
		a.Put()
	}
}

// testDurable wants every flush, and FUA with every change, to reach the plugin.
func testDurable(t *testing.T, s Subject) {
	stack := s.Build(t, false)
	d := openDisk(t, stack, false)
	i := d.door.Info()
	for _, r := range []struct {
		offered bool
		block.Request
	}{
		{i.Flush, block.Request{Cmd: block.Flush}},
		{!i.ReadOnly, block.Request{Cmd: block.Write, Length: 512, Data: make([]byte, 512)}},
		{i.Zero != block.None, block.Request{Cmd: block.WriteZeroes, Length: 512}},
		{i.Trim, block.Request{Cmd: block.Trim, Length: 512}},
	} {
		if r.Cmd != block.Flush {
			r.offered, r.Flags = r.offered && i.FUA != block.None, block.FUA
		}
		if !r.offered {
			continue
		}
		if before := stack.Probe.Durable.Load(); d.must(r.Request) != nil || stack.Probe.Durable.Load() == before {
			t.Errorf("a %v with flags %b does not say at the plugin that it is to last", r.Cmd, r.Flags)
		}
	}
}

// testNoWait sends everything under NoWait: it is done as a whole or not at all, and with the gate shut not at all.
func testNoWait(t *testing.T, s Subject) {
	stack := s.Build(t, false)
	d := openDisk(t, stack, false)
	random := rand.New(rand.NewPCG(3, 3))
	size := uint64(len(d.model))
	d.write(0, bytes.Repeat([]byte{7}, int(size)), 0)
	for range 200 {
		n := 1 + random.Uint64N(100_000)
		r := block.Request{Cmd: block.Cmd(random.IntN(block.Commands)), Flags: block.NoWait, Offset: random.Uint64N(size - n), Length: n}
		if random.IntN(2) == 0 {
			r.Flags |= block.DiskWait
		}
		i := d.door.Info()
		switch {
		case r.Cmd == block.Flush && !i.Flush, r.Cmd == block.Trim && !i.Trim, r.Cmd == block.Cache && i.Cache == block.None:
			continue
		case r.Cmd == block.Flush:
			r.Offset, r.Length = 0, 0
		case r.Cmd == block.Write:
			r.Data = bytes.Repeat([]byte{byte(random.Uint32())}, int(n))
		}
		a, err := d.do(r)
		switch {
		case errors.Is(err, block.ErrWait):
			if a.Reply().Len() != 0 {
				t.Fatalf("%v: ErrWait with %d bytes", r.Cmd, a.Reply().Len())
			}
		case err != nil:
			t.Fatalf("%v of %d from %d: %v", r.Cmd, r.Length, r.Offset, err)
		case r.Cmd == block.Read:
			if got, _ := Bytes(t, a); !bytes.Equal(got, d.model[r.Offset:r.Offset+n]) {
				t.Fatalf("read of %d from %d at once is wrong", n, r.Offset)
			}
		case r.Cmd == block.Write:
			copy(d.model[r.Offset:], r.Data)
		case r.Cmd == block.WriteZeroes:
			clear(d.model[r.Offset : r.Offset+n])
		case r.Cmd == block.Trim:
			d.adopt(r.Offset, n)
		}
		a.Put()
	}
	d.check(0, size)
}

func testHoles(t *testing.T, s Subject) {
	for _, splice := range []bool{false, true} {
		d := newDisk(t, s, splice)
		size := uint64(len(d.model))
		off := uint64(1) << 20
		d.write(off, bytes.Repeat([]byte{1}, 128<<10), 0)
		d.status(0, size, 0)
		a, err := d.do(block.Request{Cmd: block.Read, Length: size})
		if err != nil {
			t.Fatal(err)
		}
		got, holes := Bytes(t, a)
		if !bytes.Equal(got, d.model) {
			t.Error("a read with holes in it is wrong")
		}
		if want := size - 128<<10; holes > want || holes < want-64<<10 {
			t.Errorf("%d bytes came as holes, want about %d", holes, want)
		}
		a.Put()
	}
}
