// Package param is the one table for what a user can set: a layer's keys and the server's options.
//
// A Param says its name, its kind, its default and its help once; parsing, help texts, dumps, completion and the
// manual page are all made from it. The package knows no layer and no option.
package param

import (
	"fmt"
	"strings"
)

// Param is one thing that can be set, by key=value for a layer or by --name for the server.
type Param struct {
	Name    string   // as typed: "rate", "pause-control"
	Short   string   // one letter, options only
	Aliases []string // other long names, options only
	Kind    string   // what the value is, for help: "SIZE", "PATH"; empty for a switch, which takes no value
	Default string   // what holds where nothing is said; for help only
	Help    string   // one sentence, no final stop
	Need    bool     // must be set

	// Set takes the value, in command-line order, once for each time it is given. A switch gets "true".
	// Its error says what is wrong with the value, without the name: the caller adds it.
	Set func(value string) error
}

// Table is the parameters of one layer.
type Table struct {
	Params []Param
	// Rest takes the keys that Params has not; nil refuses them.
	Rest func(key, value string) error
}

// Lookup finds a parameter by its name.
func (t Table) Lookup(name string) (Param, bool) {
	for _, p := range t.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// Error is a value that was refused.
type Error struct {
	Name  string
	Value string
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("%s=%s: %v", e.Name, e.Value, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Apply hands value to p and puts the name before its error.
func (p Param) Apply(value string) error {
	if err := p.Set(value); err != nil {
		return &Error{Name: p.Name, Value: value, Err: err}
	}
	return nil
}

// Key splits a key=value word by nbdkit's rule: the text before the first '=' starts with an ASCII letter and goes
// on with letters, digits, '.', '_' and '-'. Anything else is a bare value and ok is false.
func Key(word string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(word, "=")
	if !ok || key == "" || !letter(key[0]) {
		return "", word, false
	}
	for i := 1; i < len(key); i++ {
		if c := key[i]; !letter(c) && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return "", word, false
		}
	}
	return key, value, true
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// Nearest returns the name that want was most likely meant to be, or "" where none is near: at most two edits away,
// and no more than half of its letters.
func Nearest(want string, names []string) string {
	best, distance := "", 3
	for _, n := range names {
		if d := edits(want, n); d < distance && d*2 < len(n)+1 {
			best, distance = n, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
