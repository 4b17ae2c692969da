package filters

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

func TestErrorOfEachKind(t *testing.T) {
	for _, c := range []struct {
		words []string
		fail  map[block.Cmd]error
	}{
		{nil, nil},
		{[]string{"error=ENOSPC"}, nil},
		{[]string{"error-rate=1"}, map[block.Cmd]error{block.Read: syscall.EIO, block.Write: syscall.EIO, block.Trim: syscall.EIO,
			block.WriteZeroes: syscall.EIO, block.Cache: syscall.EIO, block.BlockStatus: syscall.EIO}},
		{[]string{"error-pwrite-rate=100%", "error-pwrite=ENOSPC", "error-extents=EPERM", "error-extents-rate=1"},
			map[block.Cmd]error{block.Write: syscall.ENOSPC, block.BlockStatus: syscall.EPERM}},
		{[]string{"error-pread=EINVAL", "error-pread-rate=1", "error=ENOMEM"}, map[block.Cmd]error{block.Read: syscall.ENOMEM}},
		{[]string{"error-zero-rate=1", "error-trim-rate=1", "error-cache-rate=1", "error-rate=0"}, nil},
	} {
		s := over(t, "error", c.words...)
		d := s.Open(t, block.OpenRequest{})
		for cmd := range block.Cmd(block.Commands) {
			served := s.Probe.Served.Load()
			err := do(t.Context(), d, cmd, 0)
			if want := c.fail[cmd]; !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%v: %v: %v, want %v", c.words, cmd, err, want)
			}
			if err != nil && s.Probe.Served.Load() != served {
				t.Errorf("%v: %v failed and was passed on", c.words, cmd)
			}
		}
	}
}

func TestErrorWhileAFileExists(t *testing.T) {
	file := filepath.Join(t.TempDir(), "inject")
	d := over(t, "error", "error-rate=1", "error-file="+file).Open(t, block.OpenRequest{})
	for _, there := range []bool{false, true, false} {
		if there {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		} else {
			os.Remove(file)
		}
		if err := do(t.Context(), d, block.Read, 0); there != errors.Is(err, syscall.EIO) {
			t.Errorf("the file is there: %v, and the read: %v", there, err)
		}
	}
}

func TestErrorRate(t *testing.T) {
	d := over(t, "error", "error-pread-rate=25%").Open(t, block.OpenRequest{})
	failed := 0
	for range 4000 {
		if err := do(t.Context(), d, block.Read, block.NoWait); err != block.ErrWait {
			t.Fatalf("%v under NoWait", err)
		}
		if do(t.Context(), d, block.Read, 0) != nil {
			failed++
		}
	}
	if failed < 800 || failed > 1200 { // seven standard deviations
		t.Errorf("%d of 4000 failed, want about 1000", failed)
	}
}

func TestErrorRefusesBadValues(t *testing.T) {
	for key, values := range map[string][]string{
		"error":              {"", "EPERMS", "eio", "EROFS", "5"},
		"error-pread":        {"ENOENT"},
		"error-rate":         {"", "x", "-1", "1.1", "101%", "-1%", "%", "nan", "10 %", "1%%"},
		"error-trim-rate":    {"2"},
		"error-file":         {""},
		"error-extents-file": {""},
	} {
		for _, value := range values {
			if refused(t, "error", key, value) == nil {
				t.Errorf("%s=%s is taken", key, value)
			}
		}
	}
	for _, value := range []string{"0", "1", "0.25", "0%", "100%", "0.5%"} {
		if err := refused(t, "error", "error-rate", value); err != nil {
			t.Errorf("error-rate=%s: %v", value, err)
		}
	}
}
