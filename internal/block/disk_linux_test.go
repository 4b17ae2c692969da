package block

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// sparseFile has data where the extents say so.
func sparseFile(t testing.TB, size uint64, data ...[2]uint64) *os.File {
	t.Helper()
	f := tempFile(t, nil)
	if err := f.Truncate(int64(size)); err != nil {
		t.Fatal(err)
	}
	for _, d := range data {
		if _, err := f.WriteAt(bytes.Repeat([]byte{1}, int(d[1])), int64(d[0])); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestDiskTellsHolesFromData(t *testing.T) {
	const hole = Hole | Zero
	f := sparseFile(t, 1<<20, [2]uint64{64 << 10, 64 << 10}, [2]uint64{512 << 10, 4096})
	d := openDisk(t, f.Name(), DiskOptions{})
	for _, c := range []struct {
		off, n uint64
		f      Flags
		want   []Extent
	}{
		{0, 1 << 20, 0, []Extent{{64 << 10, hole}, {64 << 10, 0}, {384 << 10, hole}, {4096, 0}, {508 << 10, hole}}},
		{0, 1 << 20, ReqOne, []Extent{{64 << 10, hole}}},
		{100_000, 100_000, 0, []Extent{{31072, 0}, {68928, hole}}},
		{600 << 10, 1, 0, []Extent{{1, hole}}},
		{1<<20 - 1, 1, ReqOne, []Extent{{1, hole}}},
	} {
		a := GetAnswer(false)
		if err := d.ExtentsAt(a.Reply(), c.off, c.n, c.f); err != nil || !slices.Equal(a.Extents(), c.want) {
			t.Errorf("extents of %d from %d, flags %b: %v, %v, want %v", c.n, c.off, c.f, err, a.Extents(), c.want)
		}
		a.Put()
	}
}

func TestDiskAnswersHoles(t *testing.T) {
	f := sparseFile(t, 1<<20, [2]uint64{64 << 10, 64 << 10})
	d := openDisk(t, f.Name(), DiskOptions{})
	kinds := func(off, n uint64) (s string) {
		a := GetAnswer(true)
		defer a.Put()
		if err := d.ReplyAt(a.Reply(), off, n, 0); err != nil {
			t.Fatal(err)
		}
		for _, part := range a.Segments() {
			switch {
			case part.Pipe != nil:
				s += "p"
			case part.Data != nil:
				s += "d"
			default:
				s += "h"
			}
		}
		return s
	}
	if got := kinds(0, 1<<20); got != "hph" {
		t.Errorf("a read with data between holes came as %q, want hph", got)
	}
	if got := kinds(0, 4096); got != "d" {
		t.Errorf("a short read came as %q, want d", got)
	}
	a := GetAnswer(true)
	defer a.Put()
	r := Request{Cmd: Read, Offset: 256 << 10, Length: 128 << 10}
	if err := d.ServePrompt(r, a.Reply()); err != nil || len(a.Segments()) != 1 || a.Segments()[0].Data != nil || a.Segments()[0].N != r.Length {
		t.Errorf("a hole at once: %v, %v", err, a.Segments())
	}
	if _, err := f.WriteAt(make([]byte, 1<<20), 0); err != nil {
		t.Fatal(err)
	}
	if got := kinds(0, 1<<20); got != "p" {
		t.Errorf("a read of a file without holes came as %q, want p", got)
	}
}

// A read of a file that is all small holes stays in bounds.
func TestDiskBoundsThePieces(t *testing.T) {
	var data [][2]uint64
	for off := uint64(0); off < 2<<20; off += 16 << 10 {
		data = append(data, [2]uint64{off, 4096})
	}
	f := sparseFile(t, 2<<20, data...)
	want, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	d := openDisk(t, f.Name(), DiskOptions{})
	a := GetAnswer(true)
	defer a.Put()
	if err := d.ReplyAt(a.Reply(), 0, 2<<20, 0); err != nil {
		t.Fatal(err)
	}
	if n := len(a.Segments()); n > holesMax+4 {
		t.Errorf("%d segments", n)
	}
	if !bytes.Equal(flat(t, a), want) {
		t.Error("the bytes are wrong")
	}
}

// blocks is how many 512-byte blocks a file has.
func blocks(t *testing.T, f *os.File) int64 {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		t.Fatal(err)
	}
	return s.Blocks
}

func TestDiskZeroesAndTrims(t *testing.T) {
	f := tempFile(t, pattern(1<<20))
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	d := openDisk(t, f.Name(), DiskOptions{})
	full := blocks(t, f)
	for _, step := range []struct {
		name string
		do   func() error
		free int64 // blocks, at least
	}{
		{"zero, blocks kept", func() error { return d.WriteZeroes(0, 128<<10, FastZero) }, 0},
		{"zero, blocks not kept", func() error { return d.WriteZeroes(128<<10, 128<<10, MayTrim) }, 256},
		{"trim", func() error { return d.Trim(256<<10, 128<<10) }, 512},
		{"zero, blocks wanted back", func() error { return d.WriteZeroes(128<<10, 256<<10, 0) }, 0},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		// The file system may need a block or two for itself.
		if gone := full - blocks(t, f); gone > step.free+16 || gone < step.free-16 {
			t.Errorf("%s: %d blocks were freed so far, want %d", step.name, gone, step.free)
		}
	}
	got := make([]byte, 1<<20)
	if _, err := f.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	want := pattern(1 << 20)
	clear(want[:384<<10])
	if !bytes.Equal(got, want) {
		t.Error("the bytes are wrong")
	}
}

// Steps that are missing are taken out one by one, and the ladder ends in ENOTSUP.
func TestDiskLadder(t *testing.T) {
	f := tempFile(t, pattern(64<<10))
	d := openDisk(t, f.Name(), DiskOptions{})
	for _, lacking := range []step{zeroRange, allocate, punchHole} {
		d.lacks[lacking].Store(true)
		err := d.WriteZeroes(0, 4096, 0)
		if d.lacks[allocate].Load() != errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("lacking %d: %v", lacking, err)
		}
	}
	if err := d.WriteZeroes(0, 4096, MayTrim); !errors.Is(err, syscall.ENOTSUP) {
		t.Errorf("lacking all: %v, want ENOTSUP", err)
	}
	if err := d.Trim(0, 4096); err != nil {
		t.Errorf("a trim that cannot be done is no error: %v", err)
	}
}

// An error that is not "there is no such call" is reported, and does not disable the step.
func TestDiskKeepsAStepThatFailed(t *testing.T) {
	f := tempFile(t, pattern(64<<10))
	d := openDisk(t, f.Name(), DiskOptions{ReadOnly: true})
	if err := d.Trim(0, 4096); err == nil {
		t.Fatal("a file that is open for reading was trimmed")
	}
	if d.lacks[punchHole].Load() {
		t.Error("one failure disabled punching for good")
	}
}

func TestTmpfsHasNoPromptReads(t *testing.T) {
	const shm = "/dev/shm"
	var s unix.Statfs_t
	if err := unix.Statfs(shm, &s); err != nil || s.Type != unix.TMPFS_MAGIC {
		if os.Getenv("CI") != "" {
			t.Fatalf("no tmpfs at %s", shm)
		}
		t.Skipf("no tmpfs at %s", shm)
	}
	dir, err := os.MkdirTemp(shm, "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "disk.img")
	want := pattern(100_000)
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	d := openDisk(t, path, DiskOptions{})
	door, _ := outer(FromDevice(sizedDisk{d}, Info{}))
	b := make([]byte, 4096)
	switch err := door.ReadInto(t.Context(), b, 5, NoWait); err {
	case nil:
		if !bytes.Equal(b, want[5:4101]) {
			t.Error("the bytes are wrong")
		}
	case ErrWait:
		if !d.lacks[readNow].Load() {
			t.Error("that tmpfs has no prompt reads is not remembered")
		}
	default:
		t.Error(err)
	}
	if err := door.ReadInto(t.Context(), b, 5, 0); err != nil || !bytes.Equal(b, want[5:4101]) {
		t.Errorf("a read that may wait: %v", err)
	}
}

// fragmented is a file that is half holes, with n stretches of data.
func fragmented(t testing.TB, n int) *Disk {
	var data [][2]uint64
	for i := range uint64(n) {
		data = append(data, [2]uint64{i << 13, 4096})
	}
	return openDisk(t, sparseFile(t, uint64(n)<<13, data...).Name(), DiskOptions{})
}

// However many fragments a file has, one answer tells of so many and the client asks again; nothing is remembered.
func TestDiskBoundsTheExtents(t *testing.T) {
	const fragments = 3 * extentsMax / 2
	d := fragmented(t, fragments)
	told, off := 0, uint64(0)
	for off < fragments<<13 {
		a := GetAnswer(false)
		if err := d.ExtentsAt(a.Reply(), off, fragments<<13-off, 0); err != nil {
			t.Fatal(err)
		}
		if n := len(a.Extents()); n > extentsMax || a.Reply().Len() == 0 {
			t.Fatalf("from %d: %d extents of %d bytes", off, n, a.Reply().Len())
		}
		told += len(a.Extents())
		off += a.Reply().Len()
		a.Put()
	}
	if told != 2*fragments {
		t.Errorf("%d extents, want %d", told, 2*fragments)
	}
}

// BenchmarkExtents asks for what one answer may tell, and for 64 KiB, of files with more and more fragments.
func BenchmarkExtents(b *testing.B) {
	for _, fragments := range []int{100, 10_000, 100_000} {
		disk := fragmented(b, fragments)
		middle := uint64(fragments) << 12
		for _, n := range []uint64{64 << 10, middle} {
			b.Run(fmt.Sprintf("fragments=%d/size=%dK", fragments, n>>10), func(b *testing.B) {
				b.ReportAllocs()
				told := 0
				for b.Loop() {
					a := GetAnswer(false)
					if err := disk.ExtentsAt(a.Reply(), middle, n, 0); err != nil {
						b.Fatal(err)
					}
					told += len(a.Extents())
					a.Put()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(told), "ns/extent")
			})
		}
	}
}
