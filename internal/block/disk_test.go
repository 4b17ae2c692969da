package block

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// sizedDisk is a Disk as a Device.
type sizedDisk struct{ *Disk }

func (d sizedDisk) Size() uint64 {
	n, err := d.Disk.Size()
	if err != nil {
		panic(err)
	}
	return n
}

// openDisk opens the file f anew as a Disk.
func openDisk(t testing.TB, path string, o DiskOptions) *Disk {
	t.Helper()
	d, err := OpenDisk(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestOpenDiskRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		filepath.Join(dir, "none"): fs.ErrNotExist,
		dir:                        ErrNotDisk,
		pipe:                       ErrNotDisk, // and does not wait for a writer
		"/dev/null":                ErrNotDisk,
	} {
		d, err := OpenDisk(path, DiskOptions{})
		if !errors.Is(err, want) {
			t.Errorf("open %s: %v, want %v", path, err, want)
		}
		if err == nil {
			d.Close()
		}
	}
}

func TestOpenDiskOfAFileThatMayNotBeWritten(t *testing.T) {
	path := tempFile(t, pattern(5000)).Name()
	if d := openDisk(t, path, DiskOptions{}); d.ReadOnly() {
		t.Error("a file that may be written is read-only")
	}
	if d := openDisk(t, path, DiskOptions{ReadOnly: true}); !d.ReadOnly() {
		t.Error("a disk opened read-only is not")
	}
	if os.Getuid() == 0 {
		return // root may write what it likes
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if d := openDisk(t, path, DiskOptions{}); !d.ReadOnly() {
		t.Error("a file that may not be written is not read-only")
	}
}

// A lost write is told once by the kernel, and must not be forgotten here.
func TestAFailedFlushIsRemembered(t *testing.T) {
	good := tempFile(t, pattern(5000))
	r, w, err := os.Pipe() // cannot be flushed
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	disk := &Disk{f: r}
	if err := disk.Sync(); !errors.Is(err, ErrLost) || !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("a pipe is flushed: %v", err)
	}
	disk.f = good
	if err := disk.Sync(); !errors.Is(err, ErrLost) {
		t.Errorf("a later flush: %v", err)
	}
	door, _ := outer(FromDevice(sizedDisk{disk}, Info{}))
	if err := ask(t, door, Request{Cmd: Write, Flags: FUA, Length: 1, Data: []byte("a")}); err == nil {
		t.Error("a later FUA succeeds")
	}
	if err := ask(t, door, Request{Cmd: Write, Length: 1, Data: []byte("a")}); err != nil {
		t.Errorf("a write without FUA: %v", err)
	}
}

func TestFlushesShareOneSync(t *testing.T) {
	d := openDisk(t, tempFile(t, pattern(5000)).Name(), DiskOptions{})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := d.Sync(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if d.synced == 0 || d.synced > d.asked.Load() {
		t.Errorf("%d asked, synced up to %d", d.asked.Load(), d.synced)
	}
}

func TestDiskSizeIsTheFilesNow(t *testing.T) {
	f := tempFile(t, pattern(5000))
	d := openDisk(t, f.Name(), DiskOptions{})
	for _, want := range []int64{5000, 7001} {
		if err := f.Truncate(want); err != nil {
			t.Fatal(err)
		}
		if n, err := d.Size(); n != uint64(want) || err != nil {
			t.Errorf("Size is %d, %v, want %d", n, err, want)
		}
	}
}

// What the hot path does for each request takes no memory: the door, the gate, and a read.
func TestServingAllocatesNothing(t *testing.T) {
	f := tempFile(t, pattern(2<<20))
	base := Info{MultiConn: true}
	for name, h := range map[string]Handler{
		"memory": FromDevice(promptRAM{pattern(2 << 20)}, base),
		"file":   FromDevice(sizedDisk{openDisk(t, f.Name(), DiskOptions{})}, base),
	} {
		lane := NewGate(nil).Lane()
		inner := NewDoor(h, name, false, nil)
		door := NewDoor(&gated{inner, lane}, "gate", true, nil)
		counters := NewCounters(1)
		data := make([]byte, 4096)
		into := make([]byte, 4096)
		for _, r := range []Request{
			{Cmd: Read, Offset: 512, Length: 4096},
			{Cmd: Read, Flags: NoWait, Offset: 512, Length: 4096},
			{Cmd: Read, Length: 1 << 20},
			{Cmd: Write, Length: 4096, Data: data},
			{Cmd: Write, Flags: FUA, Length: 4096, Data: data},
			{Cmd: Write, Flags: NoWait, Length: 4096, Data: data},
			{Cmd: Flush},
			{Cmd: Cache, Length: 4096},
			{Cmd: BlockStatus, Length: 2 << 20},
			{Cmd: Trim, Offset: 1 << 20, Length: 64 << 10},
			{Cmd: WriteZeroes, Flags: MayTrim, Offset: 1 << 20, Length: 64 << 10},
			{Cmd: WriteZeroes, Offset: 1 << 20, Length: 64 << 10},
			{Cmd: Read, Offset: 1 << 19, Length: 1 << 20}, // with a hole in it
		} {
			for _, splice := range []bool{false, true} {
				if name == "memory" && r.Cmd != Read || splice && r.Length > 32<<10 {
					continue // read-only; and a pipe that is not emptied is closed
				}
				n := testing.AllocsPerRun(200, func() {
					a := GetAnswer(splice)
					counters.Begin(0, &r, 1)
					err := door.Serve(t.Context(), r, a.Reply())
					counters.End(0, &r, err)
					a.Put()
					if err != nil && err != ErrWait {
						t.Fatal(err)
					}
				})
				if n > spareAllocs {
					t.Errorf("%s, %v of %d, flags %b: %v allocations", name, r.Cmd, r.Length, r.Flags, n)
				}
			}
		}
		if n := testing.AllocsPerRun(200, func() {
			if err := door.ReadInto(t.Context(), into, 100, 0); err != nil {
				t.Fatal(err)
			}
		}); n > spareAllocs {
			t.Errorf("%s, ReadInto: %v allocations", name, n)
		}
	}
}

// promptRAM answers at once.
type promptRAM struct{ b []byte }

func (d promptRAM) Size() uint64 { return uint64(len(d.b)) }

func (d promptRAM) ReadAt(b []byte, off int64) (int, error) { return copy(b, d.b[off:]), nil }

func (d promptRAM) ServePrompt(r Request, w *Reply) error {
	if r.Cmd != Read {
		return ErrWait
	}
	copy(w.Bytes(r.Length), d.b[r.Offset:])
	return nil
}

func BenchmarkCrossing(b *testing.B) {
	for name, doors := range map[string]int{"one": 1, "five": 5} {
		b.Run(name, func(b *testing.B) {
			info := all
			var h Handler = nothing(info)
			door := NewDoor(h, "nothing", doors == 1, nil)
			for i := 1; i < doors; i++ {
				door = NewDoor(&passing{door}, "passing", i == doors-1, nil)
			}
			a := GetAnswer(false)
			defer a.Put()
			b.ReportAllocs()
			for b.Loop() {
				if err := door.Serve(b.Context(), Request{Cmd: Flush}, a.Reply()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	f := tempFile(b, pattern(4<<20))
	for name, h := range map[string]Handler{
		"memory": FromDevice(promptRAM{pattern(4 << 20)}, Info{}),
		"file":   FromDevice(sizedDisk{openDisk(b, f.Name(), DiskOptions{})}, Info{}),
	} {
		for _, flags := range []Flags{0, NoWait} {
			b.Run(name+map[Flags]string{0: "", NoWait: "/nowait"}[flags], func(b *testing.B) {
				door, _ := outer(h)
				b.SetBytes(4096)
				b.ReportAllocs()
				for b.Loop() {
					a := GetAnswer(false)
					if err := door.Serve(b.Context(), Request{Cmd: Read, Flags: flags, Offset: 8192, Length: 4096}, a.Reply()); err != nil {
						b.Fatal(err)
					}
					a.Put()
				}
			})
		}
	}
}

func TestReadAheadOfADisk(t *testing.T) {
	d := openDisk(t, tempFile(t, pattern(1<<20)).Name(), DiskOptions{})
	if err := d.CacheAt(0, 1<<20); err != nil {
		t.Error(err)
	}
}

// With Evict bytes are the same, whatever the page cache keeps.
func TestDiskThatEvicts(t *testing.T) {
	d := openDisk(t, tempFile(t, make([]byte, 1<<20)).Name(), DiskOptions{Evict: true})
	want := pattern(1 << 20)
	for off := 0; off < len(want); off += 64 << 10 { // more windows than wait at once
		if _, err := d.WriteAt(want[off:off+64<<10], int64(off)); err != nil {
			t.Fatal(err)
		}
	}
	a := GetAnswer(true)
	defer a.Put()
	if err := d.ReplyAt(a.Reply(), 0, 1<<20, 0); err != nil || !bytes.Equal(flat(t, a), want) {
		t.Errorf("the bytes are wrong: %v", err)
	}
	for _, s := range a.Segments() {
		if s.Pipe != nil {
			t.Error("pages were spliced, and could not leave the cache")
		}
	}
}
