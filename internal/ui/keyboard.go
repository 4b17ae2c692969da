package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// focusKey is ^A: it takes the keyboard to the child and back.
const focusKey = 0x01

var errNoKeyboard = errors.New("the terminal was closed")

// keyboard is the terminal's input. While the child has the focus every byte goes to it as it is, but for the focus
// key outside a paste; Bubble Tea reads the rest.
type keyboard struct {
	*os.File
	child func([]byte)     // types to the child
	moved func(focus bool) // the focus key was pressed

	mu      sync.Mutex
	allowed bool // there is a child to take the focus
	focused bool
	failed  error

	recent  [6]byte // the last bytes read
	pasting bool    // between the brackets of a paste
}

// Read reads what is the dashboard's: nothing and no error where all of it was the child's.
func (k *keyboard) Read(p []byte) (int, error) {
	n, err := k.File.Read(p)
	if err == nil && n > 0 {
		return k.sort(p[:n]), nil
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

// sort sends the child's bytes on and moves the others to the front.
func (k *keyboard) sort(p []byte) (n int) {
	var typed []byte
	for _, c := range p {
		k.watch(c)
		switch focus, moved := k.step(c); {
		case moved:
			if len(typed) > 0 {
				k.child(typed)
				typed = nil
			}
			k.moved(focus)
		case focus:
			typed = append(typed, c)
		default:
			p[n] = c
			n++
		}
	}
	if len(typed) > 0 {
		k.child(typed)
	}
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
