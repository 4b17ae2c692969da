package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/client"
)

// A request that is done in steps is still one request: a pause that comes in the middle waits for all of it, so that
// no snapshot holds half a zero.
func TestAPauseWaitsForEveryStepOfARequest(t *testing.T) {
	const step = `echo >>DIR/steps; while test ! -e DIR/go; do sleep 0.01; done; cat >DIR/sink`
	for name, c := range map[string]struct {
		filters, words []string
		n              uint64 // bytes to be zeroed, in three steps
	}{
		"zeroes that are written":   {nil, []string{"pwrite=" + step}, 130 << 20},
		"zeroes in slices":          {nil, []string{"zero=" + step, "pwrite=false"}, 5 << 29},
		"below the filter pause":    {[]string{"pause", "limit"}, []string{"pwrite=" + step, "pause-control=DIR/control"}, 130 << 20},
		"below the gate and others": {[]string{"log"}, []string{"zero=" + step, "pwrite=false"}, 5 << 29},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "w") // t.TempDir may be too long for a socket
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			words := []string{"get_size=echo 4G"}
			for _, word := range c.words {
				words = append(words, strings.ReplaceAll(word, "DIR", dir))
			}
			s := start(t, Config{}, "eval", c.filters, words...)
			x, err := client.Dial(t.Context(), s.URI())
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			zeroed := make(chan error, 1)
			go func() { zeroed <- x.Zero(t.Context(), 0, c.n, block.MayTrim) }() // answer waits for it
			eventually(t, "the first step is under way", func() bool { return exists(dir, "steps") })
			s.Pause()
			if st := s.gate.Status(); st.State != block.Pausing {
				t.Errorf("with a request in flight the gate is %+v", st)
			}
			if err := goOn(s, dir); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the pause", func() bool { return s.gate.Status().State == block.Paused })
			if steps, err := os.ReadFile(filepath.Join(dir, "steps")); len(steps) != 3 || err != nil {
				t.Errorf("paused after %d of 3 steps, %v", len(steps), err)
			}
			if err := answer(t, zeroed); err != nil { // though the session is paused
				t.Error(err)
			}
		})
	}
}
