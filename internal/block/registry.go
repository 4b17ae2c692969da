package block

import (
	"io"
	"slices"
	"strings"

	"example.com/nbdtui/internal/param"
)

// Kind tells plugins from filters.
type Kind uint8

const (
	Plugin Kind = iota
	Filter
)

func (k Kind) String() string { return [...]string{"plugin", "filter"}[k] }

// Threads is how many requests a layer can have in hand at once. The strictest layer decides for the stack.
type Threads uint8

const (
	Parallel             Threads = iota
	SerializeRequests            // one at a time a connection
	SerializeAllRequests         // one at a time in the session
	SerializeConnections         // one client at a time
)

// Registration is what a plugin or filter says of itself: facts, and how to make one.
type Registration struct {
	Kind    Kind
	Name    string
	Summary string  // one line, no final stop
	Help    string  // what it does, and what it does not
	Magic   string  // plugins: the key that a bare word is the value of; empty for none
	Prompt  bool    // understands NoWait
	Gate    bool    // filters: it is the session's gate, see Host
	Threads Threads // the least strict that it can be told to have; see Threader
	New     func() Builder
}

// Builder is a layer that is being configured.
type Builder interface {
	// Table is its parameters, bound to this builder.
	Table() param.Table
	// Build checks what only the whole can show, and makes the layer. What it opens, the layer's Close closes;
	// on an error nothing stays open.
	Build(h Host) (Layer, error)
}

// Host is what the session gives to a layer when it is built.
type Host struct {
	Gate     *Gate
	ReadOnly bool
	Event    func(format string, args ...any) // tells the user what went wrong; never blocks
	Note     func(format string, args ...any) // tells the user what happened, and is no failure; never blocks
	Shutdown func()                           // the session, for a layer that has no client to ask by; never blocks
	Threads  func() Threads                   // of the strictest layer; known when all are built
	Stdout   io.Writer                        // what a user's scripts print; nil has it told by Note
	Stderr   io.Writer                        // the same
	Stopping <-chan struct{}                  // closed when the server stops: who waits ends then, who works may finish
}

// Stopped reports whether the server has stopped.
func (h *Host) Stopped() bool {
	select {
	case <-h.Stopping:
		return true
	default:
		return false
	}
}

// The hooks of a Builder, each optional. One that is an io.Closer holds something that Build hands to the layer: it is
// closed in the end, whether or not it was built.
type (
	// Keyer knows the key that the next bare word is the value of; empty for none. Without it that is Magic.
	Keyer interface {
		MagicKey() string
	}
	// Dumper tells what is known of a layer only when it has its parameters, or on the machine where it runs: lines
	// of key=value, each with its end, and how strict it is. Without it what is registered is all.
	Dumper interface {
		Dump() (lines string, t Threads, err error)
	}
)

var registry []Registration

// Register adds a plugin or filter; for init functions only.
func Register(r Registration) {
	if _, twice := Lookup(r.Kind, r.Name); twice {
		panic("block: registered twice: " + r.Kind.String() + " " + r.Name)
	}
	registry = append(registry, r)
	slices.SortFunc(registry, func(a, b Registration) int { return strings.Compare(a.Name, b.Name) })
}

// Lookup finds a plugin or filter by its name.
func Lookup(k Kind, name string) (Registration, bool) {
	for _, r := range registry {
		if r.Kind == k && r.Name == name {
			return r, true
		}
	}
	return Registration{}, false
}

// Registered lists all of a kind, by name.
func Registered(k Kind) (list []Registration) {
	for _, r := range registry {
		if r.Kind == k {
			list = append(list, r)
		}
	}
	return list
}
