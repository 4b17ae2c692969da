package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Every key but ^A reaches the command byte for byte, and nothing else does: not even what the terminals answer.
func TestEveryKeyReachesTheCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `stty raw -echo; printf '\033[?2004hrea%s' dy; cat >`+path)
	x.Shows("ready")
	var want []byte
	press := func(name, key string) {
		t.Helper()
		x.Type(key)
		want = append(want, key...)
		holds(t, path, name, want)
	}
	// From the dashboard A sends the one key that has another meaning.
	x.Type("A")
	want = append(want, 1)
	holds(t, path, "A", want)
	x.Type("\x01")
	x.Shows("^A back")
	x.Until("the command's own wish for bracketed paste", func(string) bool {
		return strings.LastIndex(x.Output(), "\x1b[?2004h") > strings.LastIndex(x.Output(), "\x1b[?2004l")
	})
	for b := byte(0); b < 0x80; b++ {
		if b != 1 {
			press(fmt.Sprintf("byte %#x", b), string(b))
		}
	}
	for name, key := range map[string]string{
		"é": "é", "中": "中", "an emoji of several code points": "👩‍👩‍👧", "a combining mark": "e\u0301", "broken UTF-8": "\xff\xfe\xc3",
		"up": "\x1b[A", "up, application": "\x1bOA", "right": "\x1b[C", "ctrl+left": "\x1b[1;5D", "shift+tab": "\x1b[Z",
		"home": "\x1b[H", "delete": "\x1b[3~", "page up": "\x1b[5~", "F1": "\x1bOP", "F5": "\x1b[15~", "F12": "\x1b[24~",
		"shift+F3": "\x1b[1;2R", "alt+x": "\x1bx", "alt+enter": "\x1b\r", "alt+é": "\x1bé", "alt+esc": "\x1b\x1b",
		"ctrl+alt+c": "\x1b\x03", "a mouse click": "\x1b[<0;10;5M", "a focus report": "\x1b[I", "kitty's ctrl+i": "\x1b[105;5u",
		"a paste":          "\x1b[200~ls\r\x03\x1a ünïcode\x1b[201~",
		"a paste with ^A":  "\x1b[200~a\x01b\x1b[201~",
		"an enormous one":  "\x1b[200~" + strings.Repeat("pasted text, ünïcode\r", 3000) + "\x1b[201~",
		"keys typed fast":  "ls -l\r:q!\r\x1b",
		"what p and q are": "prdDq?zA",
	} {
		press(name, key)
	}
	x.Type("\x01q")
	x.Shows("[s]top all")
	holds(t, path, "the dashboard's keys", want)
	x.Type("s")
	x.Wait()
	x.Sane()
}

// holds waits until a file holds what is wanted, and fails as soon as it holds anything else.
func holds(t *testing.T, path, name string, want []byte) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		got, _ := os.ReadFile(path)
		switch {
		case bytes.Equal(got, want):
			return
		case !bytes.HasPrefix(want, got):
			t.Fatalf("%s: the command got %q, want %q", name, tail(got), tail(want))
		case time.Now().After(deadline):
			t.Fatalf("%s: the command got only %q, want %q", name, tail(got), tail(want))
		}
	}
}

func tail(b []byte) []byte { return b[max(len(b)-80, 0):] }

// The keys that a terminal turns into signals do so in the command's terminal, not in ours.
func TestControlKeysAreTheCommands(t *testing.T) {
	// What is waited for must not stand in the title, which has the command's beginning.
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", `words="inter quit"
		trap 'echo ${words% *}rupted' INT; trap 'echo ${words#* }ted' QUIT; cat; cat; cat; echo ended`)
	x.Shows("[LISTENING]")
	x.Type("\x01")
	x.Shows("^A back")
	typed := func(line string) { // echoed by the terminal and by cat, which therefore runs
		t.Helper()
		x.Type(line + "\r")
		x.Until(line+" twice", func(s string) bool { return strings.Count(s, line) == 2 })
	}
	typed("first")
	x.Type("\x03")
	x.Shows("interrupted")
	typed("second")
	x.Type("\x1c")
	x.Shows("quitted")
	typed("third")
	x.Type("\x04")
	if code := x.Wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	x.Sane()
	if s := x.Text(); !strings.Contains(s, "ended") {
		t.Errorf("the end is\n%s", s)
	}
}

// A text is written with vim, in a panel and with the whole screen.
func TestVimUnderTheDashboard(t *testing.T) {
	peer(t, "vim")
	path := filepath.Join(t.TempDir(), "text")
	x := inTerminal(t, 80, 24, "memory", "1M", "--run", "vim -u NONE -N -i NONE "+path)
	x.Shows("[New]")
	x.Type("\x01")
	x.Shows("^A back")
	x.Type("ifirst\rsecönd 中\x1b")
	x.Shows("secönd 中")
	x.Type("\x01z")
	x.Shows("z back")
	x.Until("vim with the whole screen", func(s string) bool { return strings.Count(s, "║~") > 12 })
	x.Type("\x01")
	x.Shows("^A back")
	x.Type("ggO\x1b[200~pasted\x1b[201~\x1b:wq\r")
	if code := x.Wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	x.Sane()
	if got, _ := os.ReadFile(path); string(got) != "pasted\nfirst\nsecönd 中\n" {
		t.Errorf("the file holds %q", got)
	}
}

// htop is searched, drawn as a tree, and ended, in a panel and with the whole screen.
func TestHtopUnderTheDashboard(t *testing.T) {
	peer(t, "htop")
	x := inTerminalWith(t, []string{"TMPDIR=" + tempDir(t), "HTOPRC=/dev/null"}, 120, 40, "memory", "1M", "--run", "htop")
	x.Shows("Load average:")
	x.Type("\x01")
	x.Shows("^A back")
	x.Type("/" + filepath.Base(program)) // a process that there is
	x.Until("the cursor on what was found", func(s string) bool { return regexp.MustCompile(`Search: ` + filepath.Base(program)).MatchString(s) })
	x.Type("\r\x1bOP") // F1, as it is sent to programs that want application cursor keys
	x.Shows("CPU usage bar:")
	x.Type(" \x01z")
	x.Shows("z back")
	x.Until("htop with the whole screen", func(s string) bool { return regexp.MustCompile(`║F1Help .*F10Quit`).MatchString(s) })
	x.Type("\x01")
	x.Shows("^A back")
	x.Type("t")
	x.Shows("F5List")
	x.Type("q")
	if code := x.Wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	x.Sane()
}

func TestLessUnderTheDashboard(t *testing.T) {
	peer(t, "less")
	path := filepath.Join(t.TempDir(), "text")
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, "line %d.\n", i)
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	x := inTerminalWith(t, []string{"TMPDIR=" + tempDir(t), "LESS="}, 120, 40, "memory", "1M", "--run", "less "+path)
	x.Shows("line 0.")
	x.Type("\x01")
	x.Shows("^A back")
	x.Type(" ")
	x.Until("the second page", func(s string) bool { return strings.Contains(s, "line 37.") && !strings.Contains(s, "line 0.") })
	x.Type("/line 7[0]0\r")
	x.Shows("line 700.")
	if !strings.Contains(x.Output(), "\x1b[?1h") {
		t.Error("the terminal does not know that less wants application cursor keys")
	}
	x.Type("\x1bOA") // up, as it is sent then
	x.Until("the line above", func(s string) bool { return strings.Contains(s, "line 699.") })
	x.Type("G")
	x.Shows("line 999.")
	x.Type("q")
	if code := x.Wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	x.Sane()
}
