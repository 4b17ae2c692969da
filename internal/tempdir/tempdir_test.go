package tempdir

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestADirectoryLivesAsLongAsItsOwner(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mine, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(mine.Path); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", info, err)
	}
	if err := os.MkdirAll(filepath.Join(mine.Path, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	dead, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead.Path, "left"), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	dead.f.Close() // as the kernel does for a process that was killed
	foreign := filepath.Join(os.TempDir(), "nbdtui-other")
	file := filepath.Join(os.TempDir(), prefix+"file")
	link := filepath.Join(os.TempDir(), prefix+"link")
	for _, err := range []error{os.Mkdir(foreign, 0o700), os.WriteFile(file, nil, 0o600), os.Symlink(foreign, link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	next, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead.Path); !os.IsNotExist(err) {
		t.Errorf("the directory of a dead process is still there: %v", err)
	}
	for _, path := range []string{mine.Path, foreign, file, link, next.Path} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("swept away: %v", err)
		}
	}
	for _, d := range []*Dir{mine, next} {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(d.Path); !os.IsNotExist(err) {
			t.Errorf("removed, and still there: %v", err)
		}
	}
}

// Who makes one and who sweeps meet all the time; nobody's may vanish.
func TestManyMakeAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				d, err := Make()
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(d.Path, "f"), nil, 0o600); err != nil {
					t.Error(err)
				}
				Sweep()
				if _, err := os.Stat(filepath.Join(d.Path, "f")); err != nil {
					t.Error(err)
				}
				if err := d.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
