package captive

import (
	"errors"
	"os"
	"sync"
)

// What may wait for the child to read it. Answers of the terminal are dropped early: who does not read them does not
// need them.
const (
	maxTyped  = 1 << 20
	maxAnswer = 4 << 10
)

var errInputFull = errors.New("type to the command: it does not read its terminal")

// input is what was typed, and what the terminal answered, and the child has not taken yet.
type input struct {
	mu   sync.Mutex
	data []byte
	more chan struct{} // there is data
}

func newInput() *input { return &input{more: make(chan struct{}, 1)} }

// put adds p, all of it or nothing: half a key sequence would be worse than none.
func (i *input) put(p []byte, limit int) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.data)+len(p) > limit {
		return 0, errInputFull
	}
	i.data = append(i.data, p...)
	poke(i.more)
	return len(p), nil
}

func (i *input) take() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	p := i.data
	i.data = nil
	return p
}

// writeTo gives it to the child until closing is closed and f with it.
func (i *input) writeTo(f *os.File, closing <-chan struct{}) {
	for {
		select {
		case <-closing:
			return
		case <-i.more:
		}
		if _, err := f.Write(i.take()); err != nil {
			return
		}
	}
}

// poke wakes whoever waits for c, which has room for one value.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
