package nbd_test

import (
	"testing"

	"example.com/nbdtui/internal/nbd"
)

// Who has asked is a busy client; who is only there is none.
func TestAClientThatAsksIsBusy(t *testing.T) {
	c := newHouse(t).client("unix", false)
	for want := range int64(3) {
		if n := nbd.BusyClients(); n != min(want, 1) {
			t.Fatalf("%d busy clients after %d requests of one", n, want)
		}
		c.request(uint64(want), ask{cmd: 0, n: 512})
		if errno, _, _ := c.simple(512); errno != 0 {
			t.Fatal(errno)
		}
	}
}
