package block

import (
	"bytes"
	"os"
	"testing"
	"time"
)

func TestPromptWrites(t *testing.T) {
	f := tempFile(t, pattern(2*promptWrite))
	disk := openDisk(t, f.Name(), DiskOptions{})
	d, _ := outer(FromDevice(sizedDisk{disk}, Info{}))
	data := bytes.Repeat([]byte{9}, 2*promptWrite)
	write := func(off, n uint64, f Flags) error {
		return ask(t, d, Request{Cmd: Write, Flags: f | NoWait, Offset: off, Length: n, Data: data[:n]})
	}
	page := pageSize
	for name, c := range map[string]struct {
		off, n uint64
		flags  Flags
		want   error
	}{
		"a page":       {page, page, 0, nil},
		"many pages":   {0, promptWrite, 0, nil},
		"with FUA":     {page, page, FUA, ErrWait},
		"a longer one": {0, promptWrite + page, 0, ErrWait},
	} {
		disk.pace.rest.Store(0) // this machine may be slow
		if err := write(c.off, c.n, c.flags); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := ask(t, d, Request{Cmd: Flush, Flags: NoWait}); err != ErrWait {
		t.Errorf("flush: %v, want ErrWait", err)
	}
	disk.pace.rest.Store(Clock() + int64(time.Hour))
	if err := write(0, page, 0); err != ErrWait {
		t.Errorf("a write to a disk that does not keep up: %v, want ErrWait", err)
	}
	got := make([]byte, promptWrite)
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, data[:promptWrite]) {
		t.Errorf("what was written is not there (%v)", err)
	}
}

// A write of a part of a page needs the rest of it.
func TestPromptWritesReadNothing(t *testing.T) {
	f := tempFile(t, pattern(1<<20))
	disk := openDisk(t, f.Name(), DiskOptions{})
	if err := disk.readPrompt(make([]byte, 1), 0); err != nil {
		t.Skip("nothing can be read at once here")
	}
	d, _ := outer(FromDevice(sizedDisk{disk}, Info{}))
	page := pageSize
	for name, c := range map[string]struct{ off, n uint64 }{
		"the end of a page":       {64*page + 1, page - 1},
		"the beginning of a page": {80 * page, 1},
		"a part of a page":        {96*page + 7, 9},
		"parts of two pages":      {112*page - 1, 2},
	} {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		evict(f, 0, 1<<20)
		write := Request{Cmd: Write, Flags: NoWait, Offset: c.off, Length: c.n, Data: make([]byte, c.n)}
		if err := ask(t, d, write); err != ErrWait {
			t.Errorf("%s, not in the cache: %v, want ErrWait", name, err)
		}
		if _, err := f.ReadAt(make([]byte, 2*page), int64(c.off/page*page)); err != nil {
			t.Fatal(err)
		}
		disk.pace.rest.Store(0) // this machine may be slow
		if err := ask(t, d, write); err != nil {
			t.Errorf("%s, in the cache: %v", name, err)
		}
	}
	want := pattern(1 << 20)
	clear(want[64*page+1 : 65*page])
	clear(want[80*page : 80*page+1])
	clear(want[96*page+7 : 96*page+16])
	clear(want[112*page-1 : 112*page+1])
	if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file is not what was written (%v)", err)
	}
}

func TestPromptReadsNeedAllPages(t *testing.T) {
	f := tempFile(t, pattern(2<<20))
	if n, err := cachedPages(f, 0, pageSize); n != 1 || err != nil {
		t.Skipf("it is not known here what the page cache holds (%v)", err)
	}
	d, _ := outer(FromDevice(sizedDisk{openDisk(t, f.Name(), DiskOptions{})}, Info{}))
	read := func(off, n uint64) error { return ask(t, d, Request{Cmd: Read, Flags: NoWait, Offset: off, Length: n}) }
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint64{promptCopy + 1, 256 << 10, promptRead} {
		evict(f, 0, 2<<20)
		if err := read(1, n); err != ErrWait {
			t.Errorf("%d bytes that are not cached: %v, want ErrWait", n, err)
		}
		if _, err := f.ReadAt(make([]byte, 2<<20), 0); err != nil {
			t.Fatal(err)
		}
		if err := read(1, n); err != nil {
			t.Errorf("%d bytes that are cached: %v", n, err)
		}
		evict(f, int64(n/pageSize*pageSize), int64(pageSize))
		if err := read(1, n); err != ErrWait {
			t.Errorf("%d bytes of which the last page is not cached: %v, want ErrWait", n, err)
		}
	}
	if err := read(0, promptRead+1); err != ErrWait {
		t.Errorf("a longer read: %v, want ErrWait", err)
	}
}

func TestPace(t *testing.T) {
	var p pace
	now := int64(time.Hour)
	write := func(took time.Duration) {
		p.note(now, now+int64(took))
		now += int64(took)
	}
	for range 1000 {
		write(100 * time.Microsecond)
	}
	write(10 * time.Millisecond)
	if !p.ready(now) {
		t.Error("one write that was interrupted makes a disk slow")
	}
	for range 1000 {
		write(2 * time.Millisecond)
	}
	if p.ready(now) || !p.ready(now+restFactor*int64(2*time.Millisecond)) {
		t.Error("a disk that is slow all the time does not rest, or not as long as it should")
	}
	now += int64(time.Minute)
	write(time.Microsecond)
	if !p.ready(now) {
		t.Error("one fast write is not enough to go on")
	}
	write(200 * time.Millisecond)
	if p.ready(now) || p.ready(now+restFactor*int64(200*time.Millisecond)-1) {
		t.Error("a write that slept does not make a disk slow")
	}
	now += int64(time.Minute)
	write(time.Hour)
	if !p.ready(now + restMost) {
		t.Error("a disk rests for ever")
	}
}
