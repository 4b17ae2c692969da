package filters

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// archived is what a member holds: its name, over and over.
func archived(name string, size int) []byte {
	return bytes.Repeat([]byte(name+"\n"), size)[:size]
}

// archiveOf is an archive in one of the formats.
func archiveOf(t testing.TB, format tar.Format, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Mode: 0o600, Size: 5000, Format: format, Uname: "a user"}
		switch {
		case strings.HasSuffix(name, "/"):
			h.Typeflag, h.Size = tar.TypeDir, 0
		case strings.HasPrefix(name, "link"):
			h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, "disk"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(archived(name, int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The description says where the member is, if there was one to say it of.
func TestTarDescribesItself(t *testing.T) {
	b := archiveOf(t, tar.FormatGNU, "disk")
	s := overArchive(t, b, "tar-entry=disk")
	if d := s.Open(t, block.OpenRequest{}).Info().Description; d != "" {
		t.Errorf("a member of something without a description has %q", d)
	}
	layer, err := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: "tar", Words: []string{"tar-entry=disk"}}).Build(block.Host{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := layer.Open(t.Context(), block.OpenRequest{}, func(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
		info := block.Info{ReadOnly: true, Description: "all the disks"}
		return block.NewDoor(block.FromDevice(bytesDevice{bytes.NewReader(b)}, info), "archive", false, t.Logf), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := h.Info().Description; d != "embedded disk from within tar file: all the disks" {
		t.Errorf("the description is %q", d)
	}
}

// bytesDevice is an archive in memory.
type bytesDevice struct{ *bytes.Reader }

func (d bytesDevice) Size() uint64 { return uint64(d.Reader.Size()) }

// overArchive is the filter over an archive.
func overArchive(t *testing.T, b []byte, words ...string) *blocktest.Stack {
	t.Helper()
	s := blocktest.Build(t, false,
		blocktest.Layer{Kind: block.Filter, Name: "tar", Words: words},
		blocktest.Layer{Kind: block.Plugin, Name: "memory", Words: []string{fmt.Sprintf("size=%d", len(b))}})
	if len(b) > 0 {
		s.Fill(t, 0, b)
	}
	return s
}

func TestTarFindsItsMember(t *testing.T) {
	long := strings.Repeat("long/", 50) + "disk.img" // no room in a v7 or ustar header
	for _, c := range []struct {
		name   string
		format tar.Format
		entry  string
		size   int
	}{
		{"ustar", tar.FormatUSTAR, "disk", 5000}, {"gnu", tar.FormatGNU, "disk", 5000}, {"pax", tar.FormatPAX, "disk", 5000},
		{"gnu, a long name", tar.FormatGNU, long, 5000}, {"pax, a long name", tar.FormatPAX, long, 5000},
		{"a directory", tar.FormatGNU, "dir", 0}, {"a directory with its slash", tar.FormatGNU, "dir/", 0}, {"a link", tar.FormatPAX, "link", 0},
		{"a name that is a pattern", tar.FormatPAX, "d*", 5000}, {"with ./", tar.FormatGNU, "./disk", 5000}, {"not ASCII", tar.FormatPAX, "größe", 5000},
	} {
		names := []string{"first", "dir/", "link", "d*", "./disk", "disk"}
		if c.format != tar.FormatUSTAR {
			names = append(names, long, "größe")
		}
		b := archiveOf(t, c.format, append(names, "disk")...)
		s := overArchive(t, b, "tar-entry="+c.entry)
		d := s.Open(t, block.OpenRequest{})
		if got := d.Info().Size; got != uint64(c.size) {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.size)
			continue
		}
		if c.size == 0 {
			continue
		}
		got := make([]byte, c.size)
		if err := d.ReadInto(t.Context(), got, 0, 0); err != nil || !bytes.Equal(got, archived(c.entry, c.size)) {
			t.Errorf("%s: %v, %.20q", c.name, err, got)
		}
	}
}

// Writing changes the member and nothing around it.
func TestTarWritesInPlace(t *testing.T) {
	b := archiveOf(t, tar.FormatGNU, "a", "disk", "z")
	s := overArchive(t, b, "tar-entry=disk")
	d := s.Open(t, block.OpenRequest{})
	a := block.GetAnswer(false)
	defer a.Put()
	r := block.Request{Cmd: block.Write, Offset: 1000, Length: 4000, Data: bytes.Repeat([]byte{'!'}, 4000)}
	if err := d.Serve(t.Context(), r, a.Reply()); err != nil {
		t.Fatal(err)
	}
	r.Offset++
	if err := d.Serve(t.Context(), r, a.Reply()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a write past the member's end: %v", err)
	}
	copy(b[512+5120+512+1000:], r.Data)
	whole := make([]byte, len(b))
	if err := s.Plugin(t).ReadInto(t.Context(), whole, 0, 0); err != nil || !bytes.Equal(whole, b) {
		t.Error("the archive is not what it should be")
	}
}

func TestTarSearchesOnce(t *testing.T) {
	s := overArchive(t, archiveOf(t, tar.FormatPAX, "a", "b", "c", "disk"), "tar-entry=disk")
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			d, err := s.Try(t.Context(), block.OpenRequest{})
			if err != nil {
				t.Error(err)
				return
			}
			d.Close(t.Context())
		})
	}
	group.Wait()
	served := s.Probe.Served.Load()
	s.Open(t, block.OpenRequest{})
	if now := s.Probe.Served.Load(); served == 0 || now != served {
		t.Errorf("%d reads for the first clients, and %d more for another", served, now-served)
	}
}

// While the session is paused below it, a first search waits for the end of that, and ends with its client. What was
// found is not looked for again: another client need not wait.
func TestTarThroughPause(t *testing.T) {
	b := archiveOf(t, tar.FormatGNU, "first", "disk")
	s := blocktest.Build(t, false,
		blocktest.Layer{Kind: block.Filter, Name: "tar", Words: []string{"tar-entry=disk"}},
		blocktest.Layer{Kind: block.Filter, Name: "pause", Words: []string{"pause-control=" + filepath.Join(t.TempDir(), "s")}},
		blocktest.Layer{Kind: block.Plugin, Name: "memory", Words: []string{fmt.Sprintf("size=%d", len(b))}})
	s.Fill(t, 0, b)
	s.Gate.Shut()
	type result struct {
		*block.Door
		error
	}
	// held opens the export, and returns when that waits at the gate.
	held := func(ctx context.Context) <-chan result {
		lane := s.Gate.Lane()
		t.Cleanup(lane.Close)
		opened := make(chan result, 1)
		go func() { // whoever calls takes what comes of it
			d, err := s.Try(ctx, block.OpenRequest{Lane: lane})
			opened <- result{d, err}
		}()
		for deadline := time.Now().Add(30 * time.Second); lane.Held() == 0; <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the search does not wait")
			}
		}
		return opened
	}
	ctx, cancel := context.WithCancel(t.Context())
	opened := held(ctx)
	cancel()
	if r := <-opened; !errors.Is(r.error, block.ErrShutdown) {
		t.Errorf("one that has gone: %v, want ESHUTDOWN", r.error)
	}
	opened = held(t.Context())
	s.Gate.Resume()
	r := <-opened
	if r.error != nil {
		t.Fatal(r.error)
	}
	s.Gate.Shut()
	s.Open(t, block.OpenRequest{})
	s.Gate.Resume()
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A search that failed is made again, and one that waits ends with its client.
func TestTarSearchesAgainAfterAFailure(t *testing.T) {
	s := overArchive(t, archiveOf(t, tar.FormatPAX, "disk"), "tar-entry=disk")
	s.Probe.Fail.Store(true)
	if _, err := s.Try(t.Context(), block.OpenRequest{}); !errors.Is(err, syscall.EIO) {
		t.Errorf("%v, want EIO", err)
	}
	s.Probe.Fail.Store(false)
	s.Open(t, block.OpenRequest{})

	l := &tarLayer{turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.member(ctx, "", nil); !errors.Is(err, block.ErrShutdown) {
		t.Errorf("%v, want ESHUTDOWN", err)
	}
}

func TestTarSaysWhatIsWrong(t *testing.T) {
	good := archiveOf(t, tar.FormatGNU, "a", "disk", "z")
	for _, c := range []struct {
		what  string
		b     []byte
		words []string
		want  string
	}{
		{"no such member", good, []string{"tar-entry=nosuch"}, "no such member"},
		{"another way to write the name", good, []string{"tar-entry=./disk"}, "no such member"},
		{"an empty archive", make([]byte, 10240), []string{"tar-entry=disk"}, "no such member"},
		{"nothing", nil, []string{"tar-entry=disk"}, "no such member"},
		{"no archive", bytes.Repeat([]byte("text"), 5000), []string{"tar-entry=disk"}, "no tar archive"},
		{"truncated in the member", good[:512+5120+512+1000], []string{"tar-entry=disk"}, "truncated"},
		{"truncated in a header", good[:512+5120+100], []string{"tar-entry=disk"}, "truncated"},
		{"truncated before the member", good[:512+1000], []string{"tar-entry=disk"}, "truncated"},
		{"past the limit", good, []string{"tar-entry=z", "tar-limit=6k"}, "tar-limit"},
		{"past the limit, which is in a header", good, []string{"tar-entry=disk", "tar-limit=5700"}, "tar-limit"},
		{"past the limit, which is at a header", good, []string{"tar-entry=disk", "tar-limit=5632"}, "tar-limit"},
	} {
		d, err := overArchive(t, c.b, c.words...).Try(t.Context(), block.OpenRequest{})
		if err == nil {
			t.Errorf("%s: it is served, %d bytes", c.what, d.Info().Size)
			d.Close(t.Context())
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
	overArchive(t, good, "tar-entry=disk", "tar-limit=6144").Open(t, block.OpenRequest{}) // its header is all that is searched
	b := &tarBuilder{}
	if b.setEntry("") == nil || b.setEntry("a") != nil || b.setEntry("b") == nil {
		t.Error("tar-entry must be given once, and not empty")
	}
}

// GNU tar's archives, of each of its formats, and those with holes.
func TestTarOfGNU(t *testing.T) {
	path, err := exec.LookPath("tar")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tar is not installed")
		}
		t.Skip("tar is not installed")
	}
	long := strings.Repeat("d", 60) + "/" + strings.Repeat("e", 60) + "/disk"
	dir := t.TempDir()
	for _, name := range []string{"disk", long} {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700)
		if err := os.WriteFile(filepath.Join(dir, name), archived(name, 70_001), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	holes := filepath.Join(dir, "holes")
	if err := errors.Join(os.WriteFile(holes, []byte("x"), 0o600), os.Truncate(holes, 10<<20)); err != nil {
		t.Fatal(err)
	}
	pack := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, append([]string{"-c", "-C", dir}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tar %v: %v", args, err)
		}
		return out
	}
	for _, format := range []string{"v7", "oldgnu", "gnu", "ustar", "posix"} {
		for _, name := range []string{"disk", long} {
			if format == "v7" && name == long {
				continue // it has no room for one
			}
			b := pack("--format="+format, "--owner=a user:1", "holes", name)
			d := overArchive(t, b, "tar-entry="+name).Open(t, block.OpenRequest{})
			got := make([]byte, d.Info().Size)
			if err := d.ReadInto(t.Context(), got, 0, 0); err != nil || !bytes.Equal(got, archived(name, 70_001)) {
				t.Errorf("%s, a name of %d bytes: %v, %d bytes", format, len(name), err, len(got))
			}
		}
	}
	for _, format := range []string{"oldgnu", "gnu", "posix"} {
		b := pack("--format="+format, "--sparse", "holes", "disk")
		if _, err := overArchive(t, b, "tar-entry=holes").Try(t.Context(), block.OpenRequest{}); err == nil || !strings.Contains(err.Error(), "sparse") {
			t.Errorf("%s: a sparse member: %v", format, err)
		}
		overArchive(t, b, "tar-entry=disk").Open(t, block.OpenRequest{}) // one behind it
	}
}

func FuzzTarSearch(f *testing.F) {
	f.Add(archiveOf(f, tar.FormatGNU, "a", "disk"))
	f.Add(archiveOf(f, tar.FormatPAX, strings.Repeat("x", 200), "disk"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		l := &tarLayer{tarBuilder: tarBuilder{entry: "disk"}, turn: make(chan struct{}, 1), found: map[string]member{}}
		h, err := l.Open(t.Context(), block.OpenRequest{}, func(context.Context, block.OpenRequest) (*block.Door, error) {
			return block.NewDoor(block.FromDevice(device{bytes.NewReader(b)}, block.Info{}), "bytes", false, func(string, ...any) {}), nil
		})
		if err == nil && h.Info().Size > uint64(len(b)) {
			t.Errorf("a member of %d bytes in %d", h.Info().Size, len(b))
		}
	})
}

type device struct{ *bytes.Reader }

func (d device) Size() uint64 { return uint64(d.Reader.Size()) }
