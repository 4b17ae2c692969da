package blocktest

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

// noise is random bytes.
var noise = func() []byte {
	b := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}()

// testModel does many things at random and compares the disk with an array of bytes that had the same done to it.
func testModel(t *testing.T, s Subject, splice bool, seed uint64) {
	d := newDisk(t, s, splice)
	size := uint64(len(d.model))
	info := d.door.Info()
	random := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		n := 1 + random.Uint64N(uint64(1)<<(4+random.Uint64N(17))) // small ones as often as large ones
		n = min(n, size)
		off := random.Uint64N(size - n + 1)
		if random.IntN(3) == 0 { // on a boundary of 32 KiB
			off &^= 32<<10 - 1
		}
		r := block.Request{Offset: off, Length: n}
		if info.FUA != block.None && random.IntN(4) == 0 {
			r.Flags |= block.FUA
		}
		switch op := random.IntN(12); {
		case op < 4:
			from := random.Uint64N(uint64(len(noise)) - n)
			d.write(off, noise[from:from+n], r.Flags)
		case op < 6 && info.Zero != block.None:
			r.Cmd = block.WriteZeroes
			if random.IntN(2) == 0 {
				r.Flags |= block.MayTrim
			}
			if info.FastZero && random.IntN(4) == 0 {
				r.Flags |= block.FastZero
			}
			a, err := d.do(r)
			a.Put()
			if r.Flags&block.FastZero != 0 && errors.Is(err, syscall.ENOTSUP) {
				d.adopt(off, n)
				continue
			}
			if err != nil {
				t.Fatalf("write-zeroes of %d from %d, flags %b: %v", n, off, r.Flags, err)
			}
			clear(d.model[off : off+n])
		case op == 6 && info.Trim:
			r.Cmd = block.Trim
			d.must(r)
			d.adopt(off, n)
		case op == 7 && info.Flush:
			d.must(block.Request{Cmd: block.Flush})
		case op == 8 && info.Cache != block.None:
			d.must(block.Request{Cmd: block.Cache, Offset: off, Length: n})
		case op == 9:
			d.status(off, n, block.Flags(random.IntN(2))*block.ReqOne)
		default:
			d.check(off, n)
		}
	}
	d.check(0, size)
	for off := uint64(0); off < size; {
		off = d.status(off, size-off, 0)
	}
	if d.door.Info() != info {
		t.Errorf("Info is %+v, and was %+v", d.door.Info(), info)
	}
}
