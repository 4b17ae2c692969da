package plugins

import (
	"errors"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
)

// Whatever a script prints is an answer that fits, or an error.
func FuzzWhatAScriptPrints(f *testing.F) {
	for _, text := range []string{"", "0 1M hole,zero\n", "0 1k\n1k 1k 3", "INTERLEAVED\na\nb\n", "NAMES+DESCRIPTIONS\na", "512 4k 1M", "ENOSPC no room", "native\n",
		"9223372036854775807 9223372036854775807", "0 9223372036854775807\n9223372036854775807 1"} {
		f.Add(text, uint64(1000), uint64(5000))
	}
	f.Fuzz(func(t *testing.T, text string, off, n uint64) {
		off, n = off>>2, n>>2+1
		a := block.GetAnswer(false)
		defer a.Put()
		if err := parseExtents(text, off, n, a.Reply()); err != nil {
			if !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.EINVAL) {
				t.Errorf("%v", err)
			}
		} else if covered := a.Reply().Len(); covered == 0 || covered > n {
			t.Errorf("%d of %d bytes are covered", covered, n)
		}
		parseExports(text)
		parseAbility("can_fua", text)
		var i block.Info
		if err := parseBlockSizes(text, &i); err == nil && i.MinBlock != 0 && (i.MinBlock > i.PreferredBlock || i.PreferredBlock > i.MaxBlock) {
			t.Errorf("block sizes %+v", i)
		}
		if errno, told := complaint(text, syscall.EIO); errno == 0 || len(told) > len(text) {
			t.Errorf("%v, %q", errno, told)
		}
	})
}
