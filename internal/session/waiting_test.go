package session

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/nbdtui/internal/nbd/client"
)

// waits are all the ways in which a read can wait in a layer, DIR being a directory of the session's own.
var waits = map[string]struct {
	plugin  string
	filters []string
	words   []string
	hold    func(s *Session)                   // before the read; nil for nothing
	release func(s *Session, dir string) error // lets it go on
	script  bool                               // which makes the file DIR/runs when it waits
	passes  bool                               // what waited is served, at the end
}{
	"delay": {
		filters: []string{"delay"}, words: []string{"rdelay=3600"},
		release: func(s *Session, _ string) error { return s.Tune("delay", "delay-read", "0") },
	},
	"rate": {
		filters: []string{"rate"}, words: []string{"rate=1", "burstiness=0"},
		release: func(s *Session, _ string) error { return s.Tune("rate", "rate", "0") },
	},
	"connection-rate": {
		filters: []string{"rate"}, words: []string{"connection-rate=1", "burstiness=0"},
		release: func(s *Session, _ string) error { return s.Tune("rate", "connection-rate", "0") },
	},
	"retry": {
		filters: []string{"retry", "error"}, words: []string{"error-rate=1", "retries=1000000", "retry-delay=10ms", "retry-exponential=no"},
		release: func(s *Session, _ string) error { return s.Tune("error", "error-rate", "0") },
	},
	"retry-request": {
		filters: []string{"retry-request", "error"}, words: []string{"error-rate=1", "retry-request-retries=1000", "retry-request-delay=10ms"},
		release: func(s *Session, _ string) error { return s.Tune("error", "error-rate", "0") },
	},
	"gate": {
		hold:    (*Session).Pause,
		release: func(s *Session, _ string) error { s.Resume(); return nil },
	},
	"pause": {
		filters: []string{"limit", "pause", "rate"}, words: []string{"pause-control=DIR/control"},
		hold:    (*Session).Pause,
		release: func(s *Session, _ string) error { s.Resume(); return nil },
	},
	"log": {
		filters: []string{"log"}, words: []string{`logscript=test "$act $type" != "Read ENTER" || { touch DIR/runs; while test ! -e DIR/go; do sleep 0.01; done; }`},
		release: goOn, script: true, passes: true,
	},
	"eval": {
		plugin: "eval", script: true,
		words:   []string{"get_size=echo 1M", "pread=touch DIR/runs; while test ! -e DIR/go; do sleep 0.01; done; head -c $3 /dev/zero"},
		release: goOn,
	},
}

func goOn(_ *Session, dir string) error { return os.WriteFile(filepath.Join(dir, "go"), nil, 0o600) }

// answer is how a read ended.
func answer(t *testing.T, read <-chan error) error {
	t.Helper()
	select {
	case err := <-read:
		return err
	case <-time.After(patience):
		t.Fatal("the read still waits")
		return nil
	}
}

// What waits ends at once when its client is gone, is cut off, or the session ends; a soft disconnect lets it finish.
func TestWaitingInAnyLayerEnds(t *testing.T) {
	ends := map[string]func(t *testing.T, s *Session, c net.Conn, read <-chan error, passes bool, release func()){
		"loss": func(t *testing.T, _ *Session, c net.Conn, read <-chan error, _ bool, _ func()) {
			c.Close()
			answer(t, read)
		},
		"force": func(t *testing.T, s *Session, _ net.Conn, read <-chan error, _ bool, _ func()) {
			s.Disconnect(1, true)
			if err := answer(t, read); err == nil {
				t.Error("the read is a success")
			}
		},
		"shutdown": func(t *testing.T, s *Session, _ net.Conn, read <-chan error, passes bool, _ func()) {
			s.Shutdown(ByLayer, "the test") // by a user the gate would open first
			if err := answer(t, read); !errors.Is(err, syscall.ESHUTDOWN) && !(passes && err == nil) {
				t.Errorf("%v, want ESHUTDOWN", err)
			}
		},
		"soft": func(t *testing.T, s *Session, _ net.Conn, read <-chan error, _ bool, release func()) {
			s.Disconnect(1, false)
			release()
			if err := answer(t, read); err != nil {
				t.Error(err)
			}
		},
	}
	for layer, w := range waits {
		for end, do := range ends {
			t.Run(layer+"/"+end, func(t *testing.T) {
				dir, err := os.MkdirTemp("", "w") // t.TempDir may be too long for a socket
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { os.RemoveAll(dir) })
				plugin, words := "memory", []string{"1M"}
				if w.plugin != "" {
					plugin, words = w.plugin, nil
				}
				for _, word := range w.words {
					words = append(words, strings.ReplaceAll(word, "DIR", dir))
				}
				const unneeded = time.Hour
				s := start(t, Config{ServerGrace: unneeded}, plugin, w.filters, words...)
				if w.hold != nil {
					w.hold(s)
				}
				conn, err := net.Dial("unix", s.UnixSocket())
				if err != nil {
					t.Fatal(err)
				}
				c, err := client.New(t.Context(), conn, "")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				read := make(chan error, 1)
				go func() { read <- c.ReadAt(t.Context(), make([]byte, 4096), 0) }() // do waits for it
				eventually(t, "the read waits", func() bool {
					p := s.server.Clients().Present
					return len(p) == 1 && p[0].InFlight+p[0].Held == 1 && (!w.script || exists(dir, "runs"))
				})
				do(t, s, conn, read, w.passes, func() {
					if err := w.release(s, dir); err != nil {
						t.Error(err)
					}
				})
				c.Close()
				eventually(t, "the client is gone", func() bool { return len(s.server.Clients().Present) == 0 })
			})
		}
	}
}
