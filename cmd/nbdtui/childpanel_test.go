package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The command's output is scrolled, searched and copied while more of it comes.
func TestScrollingBack(t *testing.T) {
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `seq -f 'line %g.' 500; while read n; do seq -f 'more %g.' $n; done`)
	x.shows("line 500.")
	x.keys("7g")
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

// A held dashboard stays when the command has ended; R runs it again, and its last status is the program's.
func TestHoldingAndRunningAgain(t *testing.T) {
	peer(t, "qemu-img")
	count := filepath.Join(t.TempDir(), "count")
	x := inTerminal(t, 80, 24, "--hold=error", "memory", "64M", "--run", `echo x >>`+count+`; qemu-img bench -c 100 -f raw $nbd
		exit $((3 - $(wc -l <`+count+`)))`)
	x.shows("[FAILED]  child exited 2")
	x.shows("R run again")
	x.keys("R")
	x.shows("[FAILED]  child exited 1")
	x.keys("R")
	if code := x.wait(); code != 0 { // --hold=error does not hold a success
		t.Errorf("exit status %d", code)
	}
	x.sane()
}

// A ^C too many, to a command that has ended, does nothing.
func TestAHeldCommandIgnoresInterrupts(t *testing.T) {
	x := inTerminal(t, 80, 24, "--hold=always", "memory", "64M", "--run", `echo rea"d"y; read x`)
	x.shows("ready")
	x.keys("\x01\x03")
	x.shows("the command has ended")
	x.keys("\x03\x03\x03q")
	x.keys("\x01") // back, in order
	x.shows("R run again")
	x.keys("q")
	if code := x.wait(); code != 130 {
		t.Errorf("exit status %d", code)
	}
	x.sane()
}

// The mouse is off until somebody asks for it; what it does in the panel is told to a command that wants to know.
func TestTheMouse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `stty raw -echo; printf '\033[?1002h\033[?1006hrea%s' dy; cat >`+path)
	x.shows("ready")
	asked := func(mode string) bool { return strings.Contains(x.output(), "\x1b[?"+mode+"h") }
	if asked("1000") || asked("1002") {
		t.Error("the mouse is on")
	}
	x.keys("m")
	x.until("the mouse", func(string) bool { return asked("1000") })
	x.keys("\x1b[<0;5;8M") // a click on the clients
	x.shows("[clients 0]")
	x.keys("\x01")
	x.shows("^A back")
	x.until("the command's own wish", func(string) bool { return asked("1002") })
	x.keys("a\x1b[<0;2;13M\x1b[<32;3;14M\x1b[<0;3;14mb")
	holds(t, path, "a drag", []byte("a\x1b[<0;1;1M\x1b[<32;2;2M\x1b[<0;2;2mb"))
	x.keys("\x1b[<0;5;8M") // the clients again: the keyboard leaves the command
	x.shows("^A child")
	x.keys("q")
	x.shows("[s]top all")
	x.keys("s")
	x.wait()
	x.sane()
}

// Whatever the command prints, the dashboard lives, and the command can be left and ended.
func TestRandomOutputIsHarmless(t *testing.T) {
	dir := t.TempDir()
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `head -c 1000000 /dev/urandom; echo >`+dir+`/printed; cat >/dev/null`)
	x.until("that all was printed", func(string) bool {
		_, err := os.Stat(filepath.Join(dir, "printed"))
		return err == nil
	})
	x.keys("p")
	x.shows("[P] PAUSED")
	x.keys("7gG/x\rnNvvlly")
	x.shows("copied")
	x.keys("\x01\x04")
	x.wait()
	x.sane()
}
