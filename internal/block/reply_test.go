package block

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// tempFile is a file with b in it, open for reading and writing.
func tempFile(t testing.TB, b []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk.img"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f
}

// pattern is n bytes that are not the same anywhere.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// flat is an answer's bytes as one piece; what is in pipes is read out of them.
func flat(t testing.TB, a *Answer) (b []byte) {
	t.Helper()
	for _, s := range a.Segments() {
		switch {
		case s.Data != nil:
			b = append(b, s.Data...)
		case s.Pipe != nil:
			f := tempFile(t, nil)
			for s.Pipe.Waiting() > 0 {
				if _, err := s.Pipe.SpliceTo(int(f.Fd()), true); err != nil {
					t.Fatal(err)
				}
			}
			part := make([]byte, s.N)
			if _, err := f.ReadAt(part, 0); err != nil {
				t.Fatal(err)
			}
			b = append(b, part...)
		default:
			b = append(b, make([]byte, s.N)...)
		}
	}
	return b
}

func TestReplyKeepsTheOrder(t *testing.T) {
	content := pattern(3 << 20)
	f := tempFile(t, content)
	for _, splice := range []bool{false, true} {
		a := GetAnswer(splice)
		w := a.Reply()
		copy(w.Bytes(3), "abc")
		w.Hole(10)
		w.Hole(0)
		w.Hole(6)
		w.Bytes(0)
		if err := w.File(f, 1001, 2<<20); err != nil {
			t.Fatal(err)
		}
		if err := w.File(f, 5, 100); err != nil {
			t.Fatal(err)
		}
		want := slices.Concat([]byte("abc"), make([]byte, 16), content[1001:1001+2<<20], content[5:105])
		if w.Len() != uint64(len(want)) {
			t.Errorf("splice %v: Len is %d, want %d", splice, w.Len(), len(want))
		}
		piped := slices.ContainsFunc(a.Segments(), func(s Segment) bool { return s.Pipe != nil })
		if runtime.GOOS == "linux" && piped != splice {
			t.Errorf("splice %v: pipes used: %v", splice, piped)
		}
		if !bytes.Equal(flat(t, a), want) {
			t.Errorf("splice %v: the bytes are wrong", splice)
		}
		a.Put()
	}
}

func TestReplyIntoMemory(t *testing.T) {
	content := pattern(1 << 20)
	f := tempFile(t, content)
	into := bytes.Repeat([]byte{0xff}, 200_000)
	a := GetAnswer(false)
	defer a.Put()
	a.reply.into, a.reply.direct = into, true
	w := a.Reply()
	copy(w.Bytes(2), "ab")
	w.Hole(98)
	if err := w.File(f, 7, 199_900); err != nil {
		t.Fatal(err)
	}
	if want := slices.Concat([]byte("ab"), make([]byte, 98), content[7:199_907]); !bytes.Equal(into, want) {
		t.Error("the bytes are wrong")
	}
	if len(a.Segments()) != 0 {
		t.Errorf("%d segments were made", len(a.Segments()))
	}
}

// What a failed attempt put in is forgotten, and nothing that came before the mark grows.
func TestReplyReset(t *testing.T) {
	f := tempFile(t, pattern(1<<20))
	a := GetAnswer(true)
	w := a.Reply()
	w.Hole(10)
	w.Extent(10, Hole)
	m := w.Mark()
	idle, made := pipesNow()
	for range 3 {
		w.Hole(5)
		w.Extent(5, Hole)
		w.Bytes(5)
		if err := w.File(f, 0, 1<<20); err != nil {
			t.Fatal(err)
		}
		w.Reset(m)
		if w.Len() != 20 || len(a.Segments()) != 1 || a.Segments()[0].N != 10 || !slices.Equal(a.Extents(), []Extent{{10, Hole}}) {
			t.Fatalf("after Reset: %d bytes, segments %v, extents %v", w.Len(), a.Segments(), a.Extents())
		}
	}
	// A pipe with something left in it is not used again.
	if i, n := pipesNow(); i > idle || n > made {
		t.Errorf("%d pipes idle of %d, were %d of %d", i, n, idle, made)
	}
	w.Hole(5)
	w.Extent(5, Hole)
	if len(a.Segments()) != 2 || len(a.Extents()) != 2 {
		t.Errorf("what came before the mark has grown: %v, %v", a.Segments(), a.Extents())
	}
	a.Put()
	if a.Reply().Len() != 0 || len(a.Segments()) != 0 {
		t.Error("Put left something")
	}
}

func TestReplyExtentsBecomeOne(t *testing.T) {
	a := GetAnswer(false)
	defer a.Put()
	w := a.Reply()
	for _, e := range []Extent{{5, 0}, {0, Hole}, {7, 0}, {1, Hole | Zero}, {1, Zero}, {1, Zero}, {1 << 63, Hole}, {1<<63 - 1, Hole}, {9, Hole}} {
		w.Extent(e.Length, e.Flags)
	}
	want := []Extent{{12, 0}, {1, Hole | Zero}, {2, Zero}, {1<<64 - 1, Hole}, {9, Hole}}
	if !slices.Equal(a.Extents(), want) {
		t.Errorf("extents %v, want %v", a.Extents(), want)
	}
}

func TestReplyClip(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		one  bool
		want []Extent
	}{
		{100, false, []Extent{{4, 0}, {10, Zero}, {20, 0}}},
		{34, false, []Extent{{4, 0}, {10, Zero}, {20, 0}}},
		{33, false, []Extent{{4, 0}, {10, Zero}, {19, 0}}},
		{14, false, []Extent{{4, 0}, {10, Zero}}},
		{5, false, []Extent{{4, 0}, {1, Zero}}},
		{3, false, []Extent{{3, 0}}},
		{33, true, []Extent{{4, 0}}},
		{3, true, []Extent{{3, 0}}},
	} {
		a := GetAnswer(false)
		w := a.Reply()
		w.Extent(7, Hole)
		m := w.Mark()
		w.Extent(4, 0)
		w.Extent(10, Zero)
		w.Extent(20, 0)
		w.clip(m, c.n, c.one)
		if got := a.Extents()[1:]; !slices.Equal(got, c.want) {
			t.Errorf("clip to %d, one %v: %v, want %v", c.n, c.one, got, c.want)
		}
		sum := uint64(7)
		for _, e := range c.want {
			sum += e.Length
		}
		if w.Len() != sum {
			t.Errorf("clip to %d, one %v: Len is %d, want %d", c.n, c.one, w.Len(), sum)
		}
		a.Put()
	}
}

func TestReplyOfAFileThatEnds(t *testing.T) {
	f := tempFile(t, pattern(100_000))
	for _, splice := range []bool{false, true} {
		for _, n := range []uint64{1, 4096, 50_000, 1 << 20, 3 << 20} {
			for _, off := range []int64{100_001 - int64(min(n, 100_001)), 100_000, 1 << 40} {
				a := GetAnswer(splice)
				m := a.Reply().Mark()
				err := a.Reply().File(f, off, n)
				if !errors.Is(err, ErrEnds) || !errors.Is(err, syscall.EIO) {
					t.Errorf("splice %v: %d bytes from %d of 100000: %v, want ErrEnds", splice, n, off, err)
				}
				a.Reply().Reset(m)
				a.Put()
			}
		}
	}
}

// With every pipe in use a Reply copies.
func TestReplyWithoutPipes(t *testing.T) {
	content := pattern(64 << 10)
	f := tempFile(t, content)
	var taken []*Answer
	for range 60 {
		a := GetAnswer(true)
		if err := a.Reply().File(f, 0, 64<<10); err != nil {
			t.Fatal(err)
		}
		taken = append(taken, a)
	}
	last := taken[len(taken)-1]
	if last.Segments()[0].Pipe != nil {
		t.Error("there is no end of pipes")
	}
	for _, a := range taken {
		if !bytes.Equal(flat(t, a), content) {
			t.Fatal("the bytes are wrong")
		}
		a.Put()
	}
}

func TestBufferSizes(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 1 << 20, 1<<20 + 1, 4 << 20, 4<<20 + 1} {
		p := GetPayload(n)
		b := p.Bytes(n)
		if len(b) != n {
			t.Errorf("asked for %d bytes, got %d", n, len(b))
		}
		if have := len(p.buffer.b); n > 4096 && have >= 2*n {
			t.Errorf("%d bytes for %d", have, n)
		}
		p.Put()
	}
	Payload{}.Put()
}

func TestExtentsAreBounded(t *testing.T) {
	a := GetAnswer(false)
	defer a.Put()
	for range extentsMost {
		a.Reply().Extent(512, 0)
		a.Reply().Extent(512, Hole)
	}
	if len(a.Extents()) != extentsMost || a.Reply().Len() != extentsMost*512 {
		t.Errorf("%d extents of %d bytes", len(a.Extents()), a.Reply().Len())
	}
}
