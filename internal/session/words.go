package session

import (
	"fmt"
	"slices"
)

// Snapshots are written as JSON with these words in the place of numbers.
var (
	stateWords  = []string{"starting", "listening", "running", "pausing", "paused", "stopping", "waiting", "ended"}
	clientWords = []string{"handshake", "active", "leaving"}
	levelWords  = []string{"info", "warning", "failure"}
)

func (s State) MarshalText() ([]byte, error)       { return []byte(stateWords[s]), nil }
func (s ClientState) MarshalText() ([]byte, error) { return []byte(clientWords[s]), nil }
func (l Level) MarshalText() ([]byte, error)       { return []byte(levelWords[l]), nil }

func (s *State) UnmarshalText(b []byte) error       { return word(s, "state", stateWords, b) }
func (s *ClientState) UnmarshalText(b []byte) error { return word(s, "client's state", clientWords, b) }
func (l *Level) UnmarshalText(b []byte) error       { return word(l, "level", levelWords, b) }

// String is the client's state for people.
func (s ClientState) String() string { return clientWords[s] }

func word[T ~uint8](v *T, what string, words []string, b []byte) error {
	i := slices.Index(words, string(b))
	if i < 0 {
		return fmt.Errorf("%s %q: no such word", what, b)
	}
	*v = T(i)
	return nil
}
