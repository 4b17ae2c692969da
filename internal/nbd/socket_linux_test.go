package nbd

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A client that vanishes without a word is asked for, by the kernel, every 15 seconds, four times.
func TestTCPClientsAreAskedWhetherTheyAreThere(t *testing.T) {
	var large largeInputs
	wired(t, &large)["socket"].in.raw.Control(func(fd uintptr) {
		for _, o := range []struct{ level, option, want int }{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1}, {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15}, {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 4}, {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		} {
			if n, err := unix.GetsockoptInt(int(fd), o.level, o.option); n != o.want || err != nil {
				t.Errorf("option %d of level %d is %d, want %d (%v)", o.option, o.level, n, o.want, err)
			}
		}
	})
}
