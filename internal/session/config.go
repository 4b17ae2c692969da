package session

import (
	"os"
	"time"

	"example.com/nbdtui/internal/secure"
)

// Config is what a session is made of.
type Config struct {
	Stack    *Stack
	Listen   Listen
	ReadOnly bool
	Export   string // the name in the URI; what is advertised does not depend on it
	TLS      TLS

	Workers             int           // requests at once on a connection; 0 for 16
	MaxConnections      int           // 0 for 128
	Splice              bool          // send large reads without a copy
	HandshakeTimeout    time.Duration // 0 for 10 s
	WithheldFlags       uint16        // handshake flags that are not offered
	NoStructuredReplies bool
	Oldstyle            bool
	MaxMemory           uint64 // bytes of requests in hand; 0 for 256 MiB

	Run         string        // the captive's command line; empty for none
	Terminal    bool          // it gets a terminal of its own
	Watched     bool          // Snapshots are made; costs a little on every request
	Hold        Hold          // whether its end is the session's
	Faults      bool          // errors may be injected while it runs; Snapshots say so
	OutputWait  bool          // it is held where its output comes faster than it can be shown
	Grace       time.Duration // for the child to end; 0 for 10 s
	ServerGrace time.Duration // for requests in flight; 0 for 5 s

	Warnings []string // what was odd before the session began: its first events

	Stdout, Stderr *os.File // where the scripts of layers print; nil where that is to be an event

	Event func(Event) // told each event, in order, before Done; where it blocks, not all that wait; nil for nobody
	State func(State) // told what the gate does, and each step to the end; must not block; nil for nobody
	// Bound is called when the sockets are bound, and before a client is served or the child started. Nil for nothing.
	Bound func(*Session) error
}

// TLS is how clients' connections are encrypted. The zero value is not at all.
type TLS struct {
	Wrap     secure.Wrap // nil where it is not offered
	Required bool
	// User, and Parameter with its Value, are what a required TLS adds to URIs.
	User, Parameter, Value string
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
