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
	x.Shows("line 500.")
	x.Type("7g")
	x.Shows("line 1.")
	x.Type("/LINE 7[\x7f7.\r")
	x.Shows("not found: LINE 77.")
	x.Type("/line 77.\r")
	x.Shows("1 of 1 place")
	x.Shows("line 77.")
	x.Type("vv$")
	x.Shows("y copy")
	x.Type("y")
	x.Shows("copied 1 line")
	clip := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("line 77.")) + "\x07"
	x.Until("the clipboard's sequence", func(string) bool { return strings.Contains(x.Output(), clip) })
	x.Type("\x01100\r\x01") // who types sees what comes
	x.Shows("more 100.")
	x.Type("g")
	x.Shows("line 1.")
	x.Type("q")
	x.Shows("[s]top all")
	x.Type("s")
	x.Wait()
	x.Sane()
}

// A held dashboard stays when the command has ended; R runs it again, and its last status is the program's.
func TestHoldingAndRunningAgain(t *testing.T) {
	peer(t, "qemu-img")
	count := filepath.Join(t.TempDir(), "count")
	x := inTerminal(t, 80, 24, "--hold=error", "memory", "64M", "--run", `echo x >>`+count+`; qemu-img bench -c 100 -f raw $nbd
		exit $((3 - $(wc -l <`+count+`)))`)
	x.Shows("[FAILED]  child exited 2")
	x.Shows("R run again")
	x.Type("R")
	x.Shows("[FAILED]  child exited 1")
	x.Type("R")
	if code := x.Wait(); code != 0 { // --hold=error does not hold a success
		t.Errorf("exit status %d", code)
	}
	x.Sane()
}

// A ^C too many, to a command that has ended, does nothing.
func TestAHeldCommandIgnoresInterrupts(t *testing.T) {
	x := inTerminal(t, 80, 24, "--hold=always", "memory", "64M", "--run", `echo rea"d"y; read x`)
	x.Shows("ready")
	x.Type("\x01\x03")
	x.Shows("the command has ended")
	x.Type("\x03\x03\x03q")
	x.Type("\x01") // back, in order
	x.Shows("R run again")
	x.Type("q")
	if code := x.Wait(); code != 130 {
		t.Errorf("exit status %d", code)
	}
	x.Sane()
}

// The mouse is off until somebody asks for it; what it does in the panel is told to a command that wants to know.
func TestTheMouse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `stty raw -echo; printf '\033[?1002h\033[?1006hrea%s' dy; cat >`+path)
	x.Shows("ready")
	asked := func(mode string) bool { return strings.Contains(x.Output(), "\x1b[?"+mode+"h") }
	if asked("1000") || asked("1002") {
		t.Error("the mouse is on")
	}
	x.Type("m")
	x.Until("the mouse", func(string) bool { return asked("1000") })
	x.Type("\x1b[<0;5;8M") // a click on the clients
	x.Shows("[clients 0]")
	x.Type("\x01")
	x.Shows("^A back")
	x.Until("the command's own wish", func(string) bool { return asked("1002") })
	x.Type("a\x1b[<0;2;13M\x1b[<32;3;14M\x1b[<0;3;14mb")
	holds(t, path, "a drag", []byte("a\x1b[<0;1;1M\x1b[<32;2;2M\x1b[<0;2;2mb"))
	x.Type("\x1b[<0;5;8M") // the clients again: the keyboard leaves the command
	x.Shows("^A child")
	x.Type("q")
	x.Shows("[s]top all")
	x.Type("s")
	x.Wait()
	x.Sane()
}

// Whatever the command prints, the dashboard lives, and the command can be left and ended.
func TestRandomOutputIsHarmless(t *testing.T) {
	dir := t.TempDir()
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `printf '\033[c'; head -c 1000000 /dev/urandom; echo >`+dir+`/printed; cat >/dev/null`)
	x.Until("that all was printed", func(string) bool {
		_, err := os.Stat(filepath.Join(dir, "printed"))
		return err == nil
	})
	x.Type("p")
	x.Shows("[P] PAUSED")
	x.Type("7gG/x\rnNvvlly")
	x.Shows("copied")
	x.Type("\x01\r\x04") // what it asked the terminal was answered in a line without an end
	x.Wait()
	x.Sane()
}
