package blocktest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "example.com/nbdtui/internal/block/blocktest"
)

// loop makes a block device of diskSize, and skips where nobody but root may, or no machine but a real one.
func loop(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat("/dev/loop-control"); err != nil || os.Getuid() != 0 {
		t.Skip("only root can make a block device, and not in every container")
	}
	path := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, diskSize); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "--find", "--show", path).Output()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("losetup: %v", err)
		}
		t.Skipf("losetup: %v", err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if err := exec.Command("losetup", "--detach", device).Run(); err != nil {
			t.Errorf("losetup --detach: %v", err)
		}
	})
	return device
}

func TestFileOnABlockDevice(t *testing.T) {
	loop(t) // skip the whole, not each part of it
	Run(t, disk{words: func(t testing.TB) []string { return []string{"file=" + loop(t)} }}.subject("file"))
}
