package unixsocket

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deadSocket leaves a socket that nobody listens on any more, as a killed process does.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestADeadSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	deadSocket(t, path)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	l.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	live := filepath.Join(dir, "live")
	l, err := net.Listen("unix", live)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	deadSocket(t, filepath.Join(dir, "dead"))
	if err := os.Symlink("dead", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		live:                               "another process listens there",
		file:                               "no socket",
		link:                               "no socket",
		dir:                                "no socket",
		filepath.Join(dir, "none", "s"):    "no such file",
		"/" + strings.Repeat("x", MaxPath): "108 bytes long",
	} {
		l, err := Listen(path)
		if err == nil {
			l.Close()
			t.Errorf("%s was bound", path)
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %q does not say %q", path, err, want)
		}
		if strings.HasSuffix(path, "file") {
			if b, _ := os.ReadFile(file); string(b) != "keep" {
				t.Error("the file was changed")
			}
		}
	}
}

func TestAPrivateSocketGoesWithItsDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p, err := ListenPrivate()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(p.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v; want 0700", info.Mode(), err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestThePrivateSocketsOfTheKilledAreSwept(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	make := func(name string, age time.Duration) string {
		dir := filepath.Join(os.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "socket")
		deadSocket(t, path)
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	old, young, other := make(prefix+"old", time.Hour), make(prefix+"young", 0), make("other", time.Hour)
	p, err := ListenPrivate()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	exists := func(path string) bool { return syscall.Access(path, 0) == nil }
	if exists(old) {
		t.Error("the dead one is still there")
	}
	if !exists(young) || !exists(other) || !exists(p.Path) {
		t.Error("too much was swept")
	}
}
