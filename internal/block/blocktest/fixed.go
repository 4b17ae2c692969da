package blocktest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

// RunFixed checks a plugin whose bytes never change: it is read-only, or what is written to it is thrown away. build
// makes a stack with it, content fills b with what is at off.
func RunFixed(t *testing.T, build func(t testing.TB) *Stack, content func(b []byte, off uint64)) {
	for _, splice := range []bool{false, true} {
		t.Run(fmt.Sprintf("HoldsItsBytes/splice=%v", splice), func(t *testing.T) { testFixed(t, build(t), content, splice) })
	}
	readOnly := false
	t.Run("RefusesChangesWhenReadOnly", func(t *testing.T) { readOnly = testFixedReadOnly(t, build(t)) })
	if !readOnly {
		t.Run("OffersWhatItSays", func(t *testing.T) {
			testAbilities(t, Subject{Build: func(t testing.TB, _ bool) *Stack { return build(t) }})
		})
	}
}

// testFixed has several clients ask for ranges at random, after changes that must not show.
func testFixed(t *testing.T, s *Stack, content func([]byte, uint64), splice bool) {
	var group sync.WaitGroup
	for seed := range uint64(3) {
		d := s.Open(t, block.OpenRequest{})
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, 5))
			size := d.Info().Size
			for range 200 {
				n := min(1+random.Uint64N(1<<(4+random.Uint64N(17))), size)
				off := random.Uint64N(size - n + 1)
				switch random.IntN(3) {
				case 0:
					off = min(off%4096, size-n)
				case 1:
					off = size - n
				}
				if !d.Info().ReadOnly {
					fixed(t, d, block.Request{Cmd: block.Write, Offset: off, Length: n, Data: bytes.Repeat([]byte{0xa5}, int(n))}).Put()
				}
				want := make([]byte, n)
				content(want, off)
				for _, flags := range []block.Flags{0, block.NoWait} {
					a := block.GetAnswer(splice)
					err := d.Serve(t.Context(), block.Request{Cmd: block.Read, Flags: flags, Offset: off, Length: n}, a.Reply())
					if flags != 0 && err == block.ErrWait {
						a.Put()
						continue
					}
					if got, _ := Bytes(t, a); err != nil || !bytes.Equal(got, want) {
						t.Errorf("read of %d from %d, flags %b: %v, and the bytes are equal: %v", n, off, flags, err, bytes.Equal(got, want))
					}
					a.Put()
				}
				a := fixed(t, d, block.Request{Cmd: block.BlockStatus, Offset: off, Length: n})
				at := uint64(0)
				for _, e := range a.Extents() {
					if part := want[at : at+e.Length]; e.Flags&block.Zero != 0 && len(bytes.Trim(part, "\x00")) != 0 {
						t.Errorf("block status: %d bytes from %d are said to be zero, and are not", e.Length, off+at)
					}
					at += e.Length
				}
				if at == 0 {
					t.Errorf("block status of %d from %d says nothing", n, off)
				}
				a.Put()
			}
		})
	}
	group.Wait()
}

func fixed(t *testing.T, d *block.Door, r block.Request) *block.Answer {
	a := block.GetAnswer(false)
	if err := d.Serve(t.Context(), r, a.Reply()); err != nil {
		t.Errorf("%v of %d from %d: %v", r.Cmd, r.Length, r.Offset, err)
	}
	return a
}

func testFixedReadOnly(t *testing.T, s *Stack) bool {
	d := s.Open(t, block.OpenRequest{})
	i := d.Info()
	if i.ReadOnly && (i.Trim || i.FastZero || i.Zero != block.None || i.FUA != block.None) {
		t.Errorf("a read-only disk offers changes: %+v", i)
	}
	for _, cmd := range []block.Cmd{block.Write, block.Trim, block.WriteZeroes} {
		a := block.GetAnswer(false)
		err := d.Serve(t.Context(), block.Request{Cmd: cmd, Length: 1, Data: []byte{1}}, a.Reply())
		if i.ReadOnly != errors.Is(err, syscall.EPERM) {
			t.Errorf("%v: %v, and read-only is %v", cmd, err, i.ReadOnly)
		}
		a.Put()
	}
	return i.ReadOnly
}
