package plugins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
	"example.com/nbdtui/internal/param"
)

// image makes a file of n bytes, all of them c.
func image(t testing.TB, path string, c byte, n int) string {
	t.Helper()
	if err := os.WriteFile(path, bytes.Repeat([]byte{c}, n), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func fileStack(t testing.TB, readOnly bool, words ...string) *blocktest.Stack {
	t.Helper()
	return blocktest.Build(t, readOnly, blocktest.Layer{Kind: block.Plugin, Name: "file", Words: words})
}

// starts says what the user is told where the plugin cannot start.
func starts(t *testing.T, words ...string) error {
	t.Helper()
	b := &fileBuilder{}
	for _, w := range words {
		key, value, _ := param.Key(w)
		p, ok := b.Table().Lookup(key)
		if !ok {
			t.Fatalf("no parameter %s", key)
		}
		if err := p.Apply(value); err != nil {
			return err
		}
	}
	l, err := b.Build(block.Host{})
	if err == nil {
		l.Close()
	}
	return err
}

func TestFileSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	image(t, "disk.img", 1, 512)
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ words, want, hint string }{
		{"", "nothing to serve", "name a file"},
		{"file=none.img", "open none.img: no such file", "truncate"},
		{"file=.", ". is a directory", "dir="},
		{"file=pipe", "pipe is not a regular file or block device", "disk image"},
		{"file=/dev/null", "/dev/null is not a regular file", "disk image"},
		{"file=disk.img/x", "open disk.img/x: not a directory", ""},
		{"file=", "empty", ""},
		{"file=disk.img file=disk.img", "was given before", "dir="},
		{"file=disk.img dir=.", "was given before", "dir="},
		{"dir=none", "none: no such file", ""},
		{"dir=disk.img", "disk.img is not a directory", "file="},
		{"fd=2", "more than 2", ""},
		{"fd=x", "not a whole number", ""},
		{"fd=987", "descriptor 987 is not open", "open it"},
		{"file=disk.img cache=some", "default or none", ""},
		{"file=disk.img fadvise=some", "normal, random or sequential", ""},
		{"file=disk.img rdelay=1", "does not delay", "--filter=delay"},
	} {
		err := starts(t, strings.Fields(c.words)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", c.words, err, c.want)
		}
		var hint *param.Hint
		if has := errors.As(err, &hint); has != (c.hint != "") || has && !strings.Contains(hint.Text, c.hint) {
			t.Errorf("%q: hint %+v, want %q", c.words, hint, c.hint)
		}
	}
}

func TestFileFollowsNoLinkTwice(t *testing.T) {
	t.Chdir(t.TempDir())
	image(t, "one", 1, 512)
	image(t, "two", 2, 512)
	if err := os.Symlink("one", "link"); err != nil {
		t.Fatal(err)
	}
	s := fileStack(t, false, "file=link")
	os.Remove("link")
	if err := os.Symlink("two", "link"); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	b := make([]byte, 512)
	if err := s.Open(t, block.OpenRequest{}).ReadInto(t.Context(), b, 0, 0); err != nil || b[0] != 1 {
		t.Errorf("%v, the file is %d, want the one that was named", err, b[0])
	}
}

func TestFileIsReadOnly(t *testing.T) {
	path := image(t, filepath.Join(t.TempDir(), "disk.img"), 1, 512)
	for name, d := range map[string]*block.Door{
		"by -r":       fileStack(t, true, "file="+path).Open(t, block.OpenRequest{}),
		"by a filter": fileStack(t, false, "file="+path).Open(t, block.OpenRequest{ReadOnly: true}),
	} {
		if !d.Info().ReadOnly || !d.Info().MultiConn {
			t.Errorf("%s: %+v", name, d.Info())
		}
	}
}

func TestFileServesADirectory(t *testing.T) {
	dir := t.TempDir()
	image(t, filepath.Join(dir, "b.img"), 2, 512)
	image(t, filepath.Join(dir, ".a"), 1, 512)
	image(t, filepath.Join(dir, "c"), 3, 512)
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "c", "dangling": "none"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := fileStack(t, false, "dir="+dir)
	b := &fileBuilder{key: "dir", value: dir}
	l, err := b.Build(block.Host{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := l.(block.Lister).List(t.Context(), block.ListRequest{}, nil)
	if want := []block.Export{{Name: ".a"}, {Name: "b.img"}, {Name: "c"}, {Name: "link"}}; err != nil || !slices.Equal(list, want) {
		t.Errorf("exports %v, %v, want %v", list, err, want)
	}
	for name, want := range map[string]byte{".a": 1, "b.img": 2, "c": 3, "link": 3} {
		got := make([]byte, 1)
		if err := s.Open(t, block.OpenRequest{Name: name}).ReadInto(t.Context(), got, 5, 0); err != nil || got[0] != want {
			t.Errorf("export %s: %v, %d", name, err, got[0])
		}
	}
	for _, name := range []string{"", ".", "..", "none", "sub", "dangling", "/etc/passwd", "../" + filepath.Base(dir) + "/c", "sub/../c"} {
		if h, err := l.Open(t.Context(), block.OpenRequest{Name: name}, nil); err == nil {
			h.Close(t.Context())
			t.Errorf("export %q can be opened", name)
		}
	}
}

func TestFileServesOpenDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("dirfd= is Linux's")
	}
	dir := t.TempDir()
	path := image(t, filepath.Join(dir, "disk.img"), 7, 1000)
	dup := func(path string, flags int) int {
		fd, err := unix.Open(path, flags, 0) // without O_CLOEXEC, as a shell leaves it
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	fd, ro, dirfd := dup(path, unix.O_RDWR), dup(path, unix.O_RDONLY), dup(dir, unix.O_RDONLY)
	if err := os.Rename(path, path+".moved"); err != nil { // the name is of no matter
		t.Fatal(err)
	}
	s := fileStack(t, false, fmt.Sprintf("fd=%d", fd))
	for range 2 { // open again once the last client has left
		d := s.Open(t, block.OpenRequest{})
		a := block.GetAnswer(false)
		if err := d.Serve(t.Context(), block.Request{Cmd: block.Write, Length: 3, Data: []byte("abc")}, a.Reply()); err != nil {
			t.Error(err)
		}
		a.Put()
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the captive would inherit the descriptor: flags %b, %v", flags, err)
	}
	if d := fileStack(t, false, fmt.Sprintf("fd=%d", ro)).Open(t, block.OpenRequest{}); !d.Info().ReadOnly {
		t.Error("a descriptor that is open for reading is not read-only")
	}
	b := make([]byte, 5)
	d := fileStack(t, false, fmt.Sprintf("dirfd=%d", dirfd)).Open(t, block.OpenRequest{Name: "disk.img.moved"})
	if err := d.ReadInto(t.Context(), b, 0, 0); err != nil || string(b) != "abc\a\a" {
		t.Errorf("dirfd: %v, %q", err, b)
	}
	if err := starts(t, fmt.Sprintf("fd=%d", dup(path+".moved", unix.O_WRONLY))); err == nil {
		t.Error("a descriptor that is open for writing only is taken")
	}
}

// The clients of an export share one open file, which is closed behind the last.
func TestFileIsOpenedOnce(t *testing.T) {
	path := image(t, filepath.Join(t.TempDir(), "disk.img"), 1, 512)
	b := &fileBuilder{key: "file", value: path}
	built, err := b.Build(block.Host{})
	if err != nil {
		t.Fatal(err)
	}
	l := built.(*fileLayer)
	open := func() block.Handler {
		h, err := l.Open(t.Context(), block.OpenRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	one := open()
	if err := os.Truncate(path, 1024); err != nil {
		t.Fatal(err)
	}
	two := open()
	if len(l.disks) != 1 || one.Info().Size != 512 || two.Info().Size != 1024 {
		t.Errorf("%d open files, sizes %d and %d; want one, 512 and 1024", len(l.disks), one.Info().Size, two.Info().Size)
	}
	for i, h := range []block.Handler{one, two} {
		if err := h.Close(context.Background()); err != nil || len(l.disks) != 1-i {
			t.Errorf("after close %d: %v, %d open files", i, err, len(l.disks))
		}
	}
	open().Close(t.Context())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Open(t.Context(), block.OpenRequest{}, nil); err == nil {
		t.Error("a file that is gone can be opened again")
	}
}
