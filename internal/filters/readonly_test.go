package filters

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

func TestReadonlyAlways(t *testing.T) {
	d := over(t, "readonly").Open(t, block.OpenRequest{})
	if i := d.Info(); !i.ReadOnly || i.Trim || i.FastZero || i.Zero != block.None || i.FUA != block.None || !i.Flush || !i.MultiConn {
		t.Errorf("the export is %+v", i)
	}
	for cmd := range block.Cmd(block.Commands) {
		if err := do(t.Context(), d, cmd, 0); cmd.Changes() != errors.Is(err, syscall.EPERM) {
			t.Errorf("%v: %v", cmd, err)
		}
	}
}

func TestReadonlyWhileAFileExists(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ro")
	s := over(t, "readonly", "readonly-file="+file)
	d := s.Open(t, block.OpenRequest{})
	for _, there := range []bool{false, true, false} {
		if there {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		} else {
			os.Remove(file)
		}
		for cmd := range block.Cmd(block.Commands) {
			served := s.Probe.Served.Load()
			err := do(t.Context(), d, cmd, 0)
			if refused := there && cmd.Changes(); refused != errors.Is(err, syscall.EPERM) || refused == (s.Probe.Served.Load() > served) {
				t.Errorf("%v while the file is there (%v): %v", cmd, there, err)
			}
		}
	}
	if refused(t, "readonly", "readonly-file", "") == nil {
		t.Error("an empty path is taken")
	}
}
