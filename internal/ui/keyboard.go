package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"example.com/nbdtui/internal/captive"
)

// focusKey is ^A: it takes the keyboard to the child and back.
const focusKey = 0x01

var errNoKeyboard = errors.New("the terminal was closed")

// keyboard is the terminal's input. While the child has the focus every byte goes to it as it is, but for the focus
// key outside a paste; Bubble Tea reads the rest.
type keyboard struct {
	*os.File
	child   func([]byte)         // types to the child
	moved   func(focus bool)     // the focus key was pressed
	pointed func(captive.Report) // the mouse did something

	mu      sync.Mutex
	allowed bool // there is a child to take the focus
	focused bool
	mouse   bool // the terminal tells what it does
	failed  error

	recent  [6]byte // the last bytes read
	pasting bool    // between the brackets of a paste
	part    []byte  // the beginning of what may become a report
}

// Read reads what is the dashboard's: nothing and no error where all of it was the child's.
func (k *keyboard) Read(p []byte) (int, error) {
	n, err := k.File.Read(p)
	if err == nil && n > 0 {
		return k.sort(p[:n], n == len(p)), nil
	}
	if err == nil || err == io.EOF {
		err = errNoKeyboard // Bubble Tea would go on without a keyboard
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed = fmt.Errorf("read the keyboard: %w", err)
	return 0, k.failed
}

// failure is why nothing can be read any more; nil while it can.
func (k *keyboard) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed
}

// sort sends the child's bytes on, takes the mouse's reports out, and moves the others to the front. With full the
// terminal has more to say.
func (k *keyboard) sort(p []byte, full bool) (n int) {
	var typed []byte
	send := func() {
		if len(typed) > 0 {
			k.child(typed)
			typed = nil
		}
	}
	pass := func(c byte, room bool) {
		switch focus, moved := k.step(c); {
		case moved:
			send()
			k.moved(focus)
		case focus:
			typed = append(typed, c)
		case room: // else it is the rest of a report that was cut off
			p[n] = c
			n++
		}
	}
	for i, c := range p {
		k.watch(c)
		keys, r, ok := k.gather(c)
		if ok {
			send()
			k.pointed(r)
		}
		for j, c := range keys {
			pass(c, len(keys)-j <= i+1-n)
		}
	}
	if len(k.part) > 0 && len(k.part) < len(reportStart) && !full { // Esc is a key, too
		for _, c := range k.part {
			pass(c, n < len(p))
		}
		k.part = nil
	}
	send()
	return n
}

// step says who has the focus after c, and whether c moved it.
func (k *keyboard) step(c byte) (focus, moved bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c == focusKey && !k.pasting && (k.focused || k.allowed) {
		k.focused = !k.focused
		return k.focused, true
	}
	return k.focused, false
}

// watch looks for the brackets of a paste.
func (k *keyboard) watch(c byte) {
	copy(k.recent[:], k.recent[1:])
	k.recent[len(k.recent)-1] = c
	switch string(k.recent[:]) {
	case "\x1b[200~":
		k.pasting = true
	case "\x1b[201~":
		k.pasting = false
	}
}

// allow says whether there is a child to take the focus, and whether one that has it may keep it.
func (k *keyboard) allow(take, keep bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.allowed = take
	k.focused = k.focused && keep
}

// leave takes the focus from the child.
func (k *keyboard) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.focused = false
}

// point says whether the terminal tells what the mouse does. Where it does not, what looks like a report is typed.
func (k *keyboard) point(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mouse = on
}

// reportStart begins the mouse's reports, which are of the kind that mode 1006 asks for.
const reportStart = "\x1b[<"

// gather takes a byte and gives back those that are no report's, or the report that it ends.
func (k *keyboard) gather(c byte) (keys []byte, r captive.Report, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	part := append(k.part, c)
	k.part = nil
	if !k.mouse || k.pasting {
		return part, r, false
	}
	switch at := len(part) - 1; {
	case at < len(reportStart) && c == reportStart[at], at >= len(reportStart) && (c == ';' || c >= '0' && c <= '9') && at < 24:
		k.part = part
		return nil, r, false
	case at > len(reportStart) && (c == 'M' || c == 'm'):
		r, ok = report(string(part[len(reportStart):at]), c == 'm')
	case c == reportStart[0]: // another may begin
		k.part = []byte{c}
		return part[:at], r, false
	}
	if ok {
		part = nil
	}
	return part, r, ok
}

// report reads the numbers of one.
func report(numbers string, release bool) (r captive.Report, ok bool) {
	var n [3]int
	list := strings.Split(numbers, ";")
	if len(list) != len(n) {
		return r, false
	}
	for i, text := range list {
		var err error
		if n[i], err = strconv.Atoi(text); err != nil {
			return r, false
		}
	}
	return captive.Report{Button: n[0], X: n[1] - 1, Y: n[2] - 1, Release: release}, true
}
