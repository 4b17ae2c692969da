package main

import "testing"

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
		x.shows("ready")
		x.keys(c.keys)
		x.shows(c.asks)
		x.keys(c.yes)
		if code := x.wait(); code != 0 {
			t.Errorf("%s: exit status %d", c.keys, code)
		}
		x.sane()
		x.shows("came again")
	}
}
