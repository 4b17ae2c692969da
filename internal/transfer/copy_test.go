package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/nbdtui/internal/nbd/client/clienttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience ends a test that hangs.
const patience = 60 * time.Second

// transferred copies and returns how far it came.
func transferred(t testing.TB, o Options) (Progress, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := New(ctx, o)
	if err != nil {
		return Progress{}, err
	}
	err = c.Run(ctx)
	return c.Progress(), err
}

func copied(t testing.TB, from, to string) Progress {
	t.Helper()
	p, err := transferred(t, Options{Source: from, Destination: to})
	if err != nil {
		t.Fatalf("copy %s to %s: %v", from, to, err)
	}
	return p
}

// sparse makes a file of n bytes with data in three places, one of which ends it unevenly.
func sparse(t testing.TB, n int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, min(1<<20, n/4))
	rand.NewChaCha8([32]byte{1}).Read(b)
	for _, off := range []int64{0, n / 2, n - int64(len(b))/2} {
		if _, err := f.WriteAt(b[:min(int64(len(b)), n-off)], off); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func sameBytes(t testing.TB, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Errorf("%s (%d bytes) and %s (%d bytes) differ", a, len(x), b, len(y))
	}
}

// blocks is what a file takes on its disk, in bytes.
func blocks(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// alone checks that a directory holds these files only.
func alone(t testing.TB, dir string, want ...string) {
	t.Helper()
	var got []string
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// Every kind of side, there and back: the bytes are the same and the holes are kept.
func TestCopiesAreTheSameAndAsSparse(t *testing.T) {
	const size = 64<<20 + 12345
	image := sparse(t, size)
	full := blocks(t, image)
	for name, source := range map[string]func() string{
		"file":          func() string { return image },
		"nbdkit":        func() string { return clienttest.Nbdkit(t, "file", image) },
		"nbdkit simple": func() string { return clienttest.Nbdkit(t, "--no-sr", "file", image) },
		"nbdkit sectors": func() string {
			return clienttest.Nbdkit(t, "--filter=blocksize-policy", "file", image, "blocksize-minimum=1", "blocksize-maximum=128K")
		},
		"qemu-nbd": func() string { return clienttest.QemuNbd(t, "-r", "-f", "raw", image) },
	} {
		t.Run("from "+name, func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, "out")
			p := copied(t, source(), out)
			if name == "qemu-nbd" { // which rounds the size up to whole sectors
				if err := os.Truncate(out, size); err != nil {
					t.Fatal(err)
				}
			} else if p.Done != size || p.Total != size {
				t.Errorf("%+v", p)
			}
			sameBytes(t, image, out)
			alone(t, dir, "out")
			if got := blocks(t, out); name != "nbdkit simple" && (got > full+1<<20 || p.Data > 4<<20) {
				t.Errorf("the copy takes %d bytes, and the source %d; %d were moved", got, full, p.Data)
			}
		})
	}
	dirty := func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "dirty")
		if err := os.WriteFile(path, bytes.Repeat([]byte{0xdd}, size+1000000), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, serve := range map[string]func(string) string{
		"nbdkit":           func(f string) string { return clienttest.Nbdkit(t, "file", f) },
		"nbdkit no zeroes": func(f string) string { return clienttest.Nbdkit(t, "--filter=nozero", "file", f) },
		"nbdkit small": func(f string) string {
			return clienttest.Nbdkit(t, "--filter=blocksize-policy", "file", f, "blocksize-maximum=64K", "blocksize-error-policy=error")
		},
		"qemu-nbd": func(f string) string { return clienttest.QemuNbd(t, "--discard=unmap", "-f", "raw", f) },
	} {
		t.Run("to "+name, func(t *testing.T) {
			f := dirty(t)
			copied(t, image, serve(f))
			got, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got[:size], want) || !bytes.Equal(got[size:size+1000000], bytes.Repeat([]byte{0xdd}, 1000000)) {
				t.Error("the bytes differ, or what is behind them was changed")
			}
			if n := blocks(t, f); name != "nbdkit no zeroes" && n > full+3<<20 {
				t.Errorf("the copy takes %d bytes, and the source %d", n, full)
			}
		})
	}
	t.Run("export to export", func(t *testing.T) {
		f := dirty(t)
		copied(t, clienttest.Nbdkit(t, "file", image), clienttest.Nbdkit(t, "--filter=truncate", "file", f, "round-up=65536"))
		if err := os.Truncate(f, size); err != nil {
			t.Fatal(err)
		}
		sameBytes(t, image, f)
	})
}

func TestStreamsCarryEveryByte(t *testing.T) {
	image := sparse(t, 8<<20+777)
	want, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	// Out: an export, holes and all, in order through a pipe.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := transferred(t, Options{Source: clienttest.Nbdkit(t, "file", image), Destination: "-", Stdin: os.Stdin, Stdout: w})
		w.Close()
		ended <- err
	}()
	got, err := io.ReadAll(r)
	if err := errors.Join(err, <-ended); err != nil || !bytes.Equal(got, want) {
		t.Errorf("out through a pipe: %d bytes, %v", len(got), err)
	}
	// In: the same bytes to a file and to an export, from a writer that dribbles.
	for _, c := range []struct{ name, to, file string }{
		{"file", filepath.Join(t.TempDir(), "out"), ""},
		{"export", "", sparse(t, 9<<20)},
	} {
		if c.to == "" {
			c.to = clienttest.Nbdkit(t, "file", c.file)
		} else {
			c.file = c.to
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer w.Close()
			for b := want; len(b) > 0; {
				n, err := w.Write(b[:min(len(b), 70001)])
				if err != nil {
					return
				}
				b = b[n:]
			}
		}()
		p, err := transferred(t, Options{Source: "-", Destination: c.to, Stdin: r, Stdout: os.Stdout})
		r.Close()
		got, also := os.ReadFile(c.file)
		if err := errors.Join(err, also); err != nil || len(got) < len(want) || !bytes.Equal(got[:len(want)], want) || p.Done != uint64(len(want)) {
			t.Errorf("in to a %s: %+v, %v", c.name, p, err)
		}
	}
}

func TestFailuresNameTheSideAndLeaveNothing(t *testing.T) {
	image := sparse(t, 4<<20)
	failing := func(how ...string) string {
		return clienttest.Nbdkit(t, append([]string{"--filter=error", "memory", "4M"}, how...)...)
	}
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	if err := os.WriteFile(old, []byte("precious"), 0o640); err != nil {
		t.Fatal(err)
	}
	// One copy for each server that fails: nbdkit 1.32 may abort when a client leaves with replies on their way.
	readErrors := clienttest.Nbdkit(t, "--filter=error", "pattern", "4M", "error-pread=EIO", "error-pread-rate=100%")
	statusErrors := clienttest.Nbdkit(t, "--filter=error", "memory", "4M", "error-extents=EIO", "error-extents-rate=100%")
	small := clienttest.Nbdkit(t, "memory", "1M")
	readOnly := clienttest.Nbdkit(t, "-r", "memory", "8M")
	for name, c := range map[string]struct {
		from, to string
		says     string
	}{
		"a read fails":            {readErrors, old, "read nbd+unix:///?socket=…at offset …input/output error"},
		"block status fails":      {statusErrors, old, "find holes in nbd+unix:///"},
		"a write fails":           {image, failing("error-pwrite=ENOSPC", "error-pwrite-rate=100%"), "no space left on device"},
		"a zero fails":            {image, failing("error-zero=EIO", "error-zero-rate=100%"), "zero nbd+unix:///"},
		"too small":               {image, small, "is too small: it has 1048576 bytes, and "},
		"read-only":               {image, readOnly, "is read-only"},
		"no source":               {"/no/such/file", old, "open /no/such/file: no such file"},
		"no directory":            {image, filepath.Join(dir, "no", "file"), "no such file"},
		"a directory as target":   {image, dir, "is a directory"},
		"a directory as source":   {dir, old, "is a directory"},
		"null as source":          {"null:", old, "null: cannot be a source"},
		"the same file":           {image, image, "the destination is the source"},
		"the same file by a link": {image, link(t, image), "the destination is the source"},
		"the same URI":            {small, strings.Replace(small, "+unix:///?", "+unix://?", 1), "the destination is the source"},
		"TLS":                     {"nbds://localhost/?tls-certificates=/no/such", old, "/no/such/ca-cert.pem"},
		"nobody listens":          {"nbd+unix:///?socket=" + filepath.Join(dir, "none"), old, "connect to nbd+unix:///"},
		"an empty name":           {"", old, "a side is empty"},
	} {
		_, err := transferred(t, Options{Source: c.from, Destination: c.to})
		for _, piece := range strings.Split(c.says, "…") {
			if err == nil || !strings.Contains(err.Error(), piece) {
				t.Errorf("%s: %v does not say %q", name, err, piece)
			}
		}
		alone(t, dir, "old")
	}
	if b, _ := os.ReadFile(old); string(b) != "precious" {
		t.Errorf("the old file holds %.20q", b)
	}
	// A stream that is longer than an export is found out too late to write nothing, but never missed.
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := transferred(t, Options{Source: "-", Destination: small, Stdin: f, Stdout: os.Stdout}); err == nil || !strings.Contains(err.Error(), "write nbd+unix") {
		t.Errorf("a stream that is too long: %v", err)
	}
}

func link(t *testing.T, path string) string {
	t.Helper()
	l := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, l); err != nil {
		t.Fatal(err)
	}
	return l
}

// A file that had the name is replaced when the copy is whole, with its mode; a link to it stays a link.
func TestAFileIsReplacedWhole(t *testing.T) {
	image := sparse(t, 1<<20)
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	if err := os.WriteFile(old, bytes.Repeat([]byte{1}, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(old, 0o642); err != nil {
		t.Fatal(err)
	}
	l := link(t, old)
	copied(t, image, l)
	sameBytes(t, image, old)
	alone(t, dir, "old")
	if info, err := os.Lstat(l); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if info, err := os.Stat(old); err != nil || info.Mode().Perm() != 0o642 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

// A copy that is cancelled in its middle ends at once and leaves nothing, whatever it was waiting for.
func TestACancelledCopyLeavesNothing(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	full, stuck, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	image := sparse(t, 64<<20)
	slow := clienttest.Nbdkit(t, "--filter=delay", "pattern", "1G", "rdelay=3600")
	reason := errors.New("enough")
	for name, o := range map[string]Options{
		"waiting for a server":         {Source: slow, Destination: "out"},
		"waiting for standard input":   {Source: "-", Destination: "out", Stdin: r},
		"waiting for a full pipe":      {Source: image, Destination: "-", Stdout: stuck},
		"waiting for a server's write": {Source: image, Destination: clienttest.Nbdkit(t, "--filter=delay", "memory", "64M", "wdelay=3600")},
	} {
		dir := t.TempDir()
		if o.Destination == "out" {
			o.Destination = filepath.Join(dir, "out")
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		if o.Stdin == nil {
			o.Stdin = os.Stdin
		}
		c, err := New(ctx, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		cancel(reason)
		select {
		case err := <-ended:
			if !errors.Is(err, reason) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(patience):
			t.Fatalf("%s: it did not end", name)
		}
		alone(t, dir)
	}
	full.Close() // what was left to itself ends
	stuck.Close()
}
