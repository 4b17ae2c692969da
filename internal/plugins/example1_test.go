package plugins

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// A partition tool finds one Linux partition that fits on the disk.
func TestExample1IsAPartitionedDisk(t *testing.T) {
	path, err := exec.LookPath("partx")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("partx is not installed")
		}
		t.Skip("partx is not installed")
	}
	d := blocktest.Build(t, false, blocktest.Layer{Kind: block.Plugin, Name: "example1"}).Open(t, block.OpenRequest{})
	if d.Info().Size != 104857600 {
		t.Errorf("%d bytes, want 100 MiB", d.Info().Size)
	}
	head := make([]byte, 1<<20)
	if err := d.ReadInto(t.Context(), head, 0, 0); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, head, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, int64(d.Info().Size)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, "--noheadings", "--raw", "--output", "NR,START,SECTORS,TYPE", file).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1 128 204545 0x83" {
		t.Errorf("%v\n%s", err, out)
	}
}
