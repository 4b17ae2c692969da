package main

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The command's output is scrolled, searched and copied while more of it comes.
func TestScrollingBack(t *testing.T) {
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `seq -f 'line %g.' 500; while read n; do seq -f 'more %g.' $n; done`)
	x.shows("line 500.")
	x.keys("5g")
	x.shows("line 1.")
	x.keys("/LINE 7[\x7f7.\r")
	x.shows("not found: LINE 77.")
	x.keys("/line 77.\r")
	x.shows("1 of 1 place")
	x.shows("line 77.")
	x.keys("vv$")
	x.shows("y copy")
	x.keys("y")
	x.shows("copied 1 line")
	clip := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("line 77.")) + "\x07"
	x.until("the clipboard's sequence", func(string) bool { return strings.Contains(x.output(), clip) })
	x.keys("\x01100\r\x01") // who types sees what comes
	x.shows("more 100.")
	x.keys("g")
	x.shows("line 1.")
	x.keys("q")
	x.shows("[s]top all")
	x.keys("s")
	x.wait()
	x.sane()
}
