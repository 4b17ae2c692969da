package session

import (
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
)

// Snapshot is a session at one moment: plain data, and with Screen all that a dashboard needs. A new one is made
// ten times a second; nobody changes one that was given out.
type Snapshot struct {
	Time    time.Time
	Started time.Time
	State   State
	Since   time.Time // of State

	Source   string // what is served, for people: "big.iso", "memory"
	Size     uint64 // bytes; 0 until it is known
	ReadOnly bool
	URI      string

	InFlight int           // requests past the gate
	Held     int           // requests waiting at the gate
	Oldest   time.Duration // age of the oldest request in flight; 0 where there is none
	Depth    float64       // requests in hand at once, held ones left out: over the last second
	Deepest  float64       // the most that Depth was
	Grace    time.Duration // Stopping: what is left before the next step is forced

	Totals  block.Counts // of all clients, those that left too
	Read    Rate
	Write   Rate
	History []Second // the last minute, oldest first, at most 60
	Peak    Second   // the most bytes that any one second had, in each direction

	Recent   Work     // requests of the last 10 s, paused time left out
	Whole    Work     // and in all
	Progress Progress // zero where the export's size is not known
	Granule  uint64   // the least stretch that Map tells apart, in bytes

	Pauses    int
	PausedFor time.Duration // in Paused, without the drains before

	Clients []Client // by id, so that no row ever jumps
	Seen    int      // clients that ever connected
	Child   *Child   // nil without --run
	Knobs   []Knob   // what Tune may turn; see Session.Knobs
	Faults  bool     // errors may be injected: what fails need not be broken
	Events  []Event  // the newest, oldest first, at most 1,000
}

// State is what the session does.
type State uint8

const (
	Starting  State = iota // the sockets are not bound yet
	Listening              // no client has come yet
	Running                // requests are served
	Pausing                // the gate is closed, requests in flight are being finished
	Paused                 // the gate is closed and nothing is in flight
	Stopping               // on the way out
	Waiting                // the server has stopped, the child runs on
	Ended                  // nothing is left to do
)

// Work is how long requests took, by command, and how they were asked for.
type Work struct {
	Took   block.PerCommand[block.Quantiles]
	Spread block.PerCommand[block.Spread]
	Habits block.Habits
}

// Rate is how fast one direction goes, over the last second.
type Rate struct {
	Bytes    float64 // per second
	Requests float64 // per second
}

// Second is what was done in one second of the past.
type Second struct {
	Read, Written uint64 // bytes
	Paused        bool   // the gate was closed at its end
}

// Client is one connection.
type Client struct {
	ID        uint64 // counts from 1, never used again
	Peer      string // for people: "unix pid 4711", "[::1]:51514"
	User      string // its number, on a Unix socket; empty elsewhere
	State     ClientState
	TLS       string   // its version, "1.3"; empty without TLS
	Export    string   // the name it asked for
	Options   []string // what it negotiated: "structured", "base:allocation"
	Connected time.Time
	InFlight  int
	Held      int
	Counts    block.Counts
	Read      Rate
	Write     Rate
	Queued    int             // requests that wait for a worker: neither held nor in flight yet
	Pending   []block.Pending // requests in hand, oldest first
	At        uint64          // where its last read or write ended
}

// ClientState is where a connection is.
type ClientState uint8

const (
	Handshake ClientState = iota // haggling options
	Active                       // transmission
	Leaving                      // told to go, or has said so: what is in flight is being finished
)

// Child is the captive.
type Child struct {
	Command string
	Pid     int // 0 until it has started, which waits for the size of its terminal
	Run     int // which run it is; 0 until it has started
	Started time.Time
	Ended   time.Time      // zero while it runs
	Status  captive.Status // of use once it has ended
}

// Event is something that happened, for people: one line.
type Event struct {
	Seq   uint64 // counts from 1
	Time  time.Time
	Level Level
	Text  string
}

// Level is how much an event matters.
type Level uint8

const (
	Info Level = iota
	Warning
	Failure
)
