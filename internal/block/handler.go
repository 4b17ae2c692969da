package block

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// Handler is one client's view of one export.
type Handler interface {
	// Info is fixed for the handler's life.
	Info() Info
	// Serve answers one request into w. It is called by several goroutines at once, and only with requests that
	// Info allows: see Door. On an error what it put in w is void.
	Serve(ctx context.Context, r Request, w *Reply) error
	// Close is called once, after the last Serve returned. It may wait until ctx ends.
	Close(ctx context.Context) error
}

// Ability is how a handler does what not every one can.
type Ability uint8

const (
	None    Ability = iota // refused
	Emulate                // by other commands: the outermost door does it
	Native
)

// Info is what a handler can do. Sizes are bytes.
type Info struct {
	Size           uint64 // at most 2^63-1
	MinBlock       uint32 // a power of two up to 65,536; 0 means 1
	PreferredBlock uint32 // a power of two from 512; 0 means 4096
	MaxBlock       uint32 // the most to read or write at once; 0 means what the server takes
	ReadOnly       bool
	Rotational     bool
	MultiConn      bool // a flush on one connection covers the writes of all
	Flush          bool
	Trim           bool
	FastZero       bool   // WriteZeroes can tell when it would be slow
	Extents        bool   // BlockStatus knows holes; without it everything is allocated
	Description    string // for people; empty where there is none
	Zero           Ability
	FUA            Ability // Emulate: the plugin's edge flushes after the change
	Cache          Ability
}

// WithoutChanges is i of an export that cannot be written to.
func (i Info) WithoutChanges() Info {
	i.ReadOnly = true
	i.Trim, i.FastZero = false, false
	i.Zero, i.FUA = None, None
	return i
}

// Layer is a plugin or a filter, configured: one a session and export. It is used by several goroutines at once.
type Layer interface {
	// Open makes this layer's view of one client's export. below opens the layer below (nil for a plugin): a
	// filter calls it once, again when it retries, or not at all to refuse; it closes what it opened.
	Open(ctx context.Context, o OpenRequest, below Opener) (Handler, error)
	// Close ends the layer; every handler is closed by then.
	Close() error
}

// Opener opens the layer below.
type Opener func(ctx context.Context, o OpenRequest) (*Door, error)

// OpenRequest says who opens what.
type OpenRequest struct {
	Name       string // the export's, as the client asked
	ReadOnly   bool
	TLS        *tls.ConnectionState // nil without TLS
	Peer       Peer                 // without an address where the session itself looks at the export
	Entered    <-chan struct{}      // closed when the client's transmission begins, never where it only asks (NBD_OPT_INFO); nil: who opens enters
	Lane       *Lane                // the client's way through the gate; nil where there is no gate
	Disconnect func(force bool)     // this client; never blocks
	Shutdown   func()               // the session; never blocks
}

// Peer is who is at the other end.
type Peer struct {
	Addr     net.Addr // its own address; unnamed for most clients of a Unix socket
	Known    bool     // Pid, Uid and Gid were told by the kernel
	Pid      int
	Uid, Gid int
	Label    string // of a security module, as SELinux; empty where there is none
}

func (p Peer) String() string {
	switch {
	case p.Known:
		return fmt.Sprintf("unix pid %d", p.Pid)
	case p.Addr == nil:
		return "unknown"
	case p.Addr.Network() == "unix":
		return "unix"
	}
	return p.Addr.String()
}

// The hooks of a Layer, each optional. The session asks every layer, outermost first, so that none is hidden by the
// layer around it.
type (
	// Admitter sees a client before the greeting; an error drops the connection. Without it everybody may come.
	Admitter interface {
		Admit(ctx context.Context, p Peer) error
	}
	// Lister names the exports, for a client that asks which there are. below does so for the layers below; nil for
	// a plugin. Without it a filter changes nothing, and a plugin has one, with the empty name.
	Lister interface {
		List(ctx context.Context, q ListRequest, below Listing) ([]Export, error)
	}
	// Namer knows the export that a client means by the empty name. Without it that is the one called so.
	Namer interface {
		Default(ctx context.Context, q ListRequest) (string, error)
	}
	// Threader knows how strict its configuration makes the layer. Without it that is its Registration's Threads.
	Threader interface {
		Threads() Threads
	}
	// Starter is told when the server's sockets are bound and no client has come yet; an error ends the start, and
	// ErrShutdown says that all went well and the session is over before it began. What it starts ends with Close.
	// Without it nothing happens.
	Starter interface {
		Start() error
	}
	// Tuner has knobs that may be turned while requests are served. Without it what was configured holds.
	Tuner interface {
		Knobs() []Knob
	}
)

// Knob is a setting of a running layer.
type Knob struct {
	Name  string // as the parameter's: "rate", "delay-read"
	Kind  string // as the parameter's: "BITS", "TIME"
	Unit  string // of a number that has none of its own behind it: "bit/s", "s"; empty where there is none
	Value string // what holds now, as Set takes it; empty where it is not one value
	// Set turns it, for requests that come and for those that wait. It may be called at any time; a value that it
	// refuses changes nothing.
	Set func(value string) error
}

// Listing names the exports of a layer and those below it.
type Listing func(ctx context.Context, q ListRequest) ([]Export, error)

// ListRequest says who asks which exports there are.
type ListRequest struct {
	ReadOnly bool
	TLS      *tls.ConnectionState // nil without TLS
	Peer     Peer                 // without an address where the session itself asks
}

// Export is a name that a client may ask for.
type Export struct {
	Name        string
	Description string // empty where there is none
}
