package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// The keys that disconnect: softly, later requests are refused and the client may leave by itself; by force it finds
// the end. It may come again each time.
func TestDisconnectKeys(t *testing.T) {
	peer(t, "nbdsh")
	for _, c := range []struct{ keys, asks, yes, run string }{
		{"d", "", "", `
try:
    while True:
        h.pread(512, 0)
        time.sleep(0.01)
except nbd.Error as e:
    assert e.errno == "ESHUTDOWN", e.errno
h.shutdown()
`},
		{"D", "Disconnect #1 by force? [d]isconnect", "d", `
while h.aio_is_ready(): h.poll(-1)
assert h.aio_is_closed()
`},
	} {
		x := inTerminal(t, 120, 40, "memory", "1M", "--run", `PATH=/usr/bin:$PATH nbdsh -c '
import os, time
h, again = nbd.NBD(), nbd.NBD()
h.connect_uri(os.environ["nbd"])
print("rea" + "dy", flush=True)
`+c.run+`
again.connect_uri(os.environ["nbd"])
again.pread(512, 0)
print("came ag" + "ain", flush=True)
'`)
		x.Shows("ready")
		x.Shows("1 unix pid") // may be seen a little later than what its process prints
		x.Type(c.keys)
		x.Shows(c.asks)
		x.Type(c.yes)
		if code := x.Wait(); code != 0 {
			t.Errorf("%s: exit status %d", c.keys, code)
		}
		x.Sane()
		x.Shows("came again")
	}
}

// A copy whose client is disconnected fails, and says why; its status is ours.
func TestACopyThatIsDisconnectedFails(t *testing.T) {
	peer(t, "qemu-img")
	for key, why := range map[string]string{"d": "transport endpoint shutdown", "D": "Input/output error"} {
		out := filepath.Join(t.TempDir(), "out")
		x := inTerminal(t, 120, 40, "--filter=rate", "file", image(t, 64), "rate=40M", "--run", `qemu-img convert "$nbd" `+out)
		grown(t, out, 4<<20)
		x.Type(key)
		s := x.Until("a question, or the end", func(s string) bool {
			return strings.Contains(s, "[d]isconnect") || strings.Contains(s, "exited 1") // it asks where requests are in flight
		})
		if strings.Contains(s, "[d]isconnect") {
			x.Type("d")
		}
		if code := x.Wait(); code != 1 {
			t.Errorf("%s: exit status %d", key, code)
		}
		x.Sane()
		if s := x.Text(); !strings.Contains(strings.ReplaceAll(s, "\n", ""), why) { // the panel may have broken the line
			t.Errorf("%s: %q is not said:\n%s", key, why, s)
		}
	}
}
