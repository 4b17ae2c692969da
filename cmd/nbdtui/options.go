package main

import (
	"strings"
	"time"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/session"
	"example.com/nbdtui/internal/ui"
)

// options are what the command line says beside the plugin and its parameters.
type options struct {
	listen       session.Listen
	activated    bool // the service manager bound the sockets
	single       bool
	export       string
	readOnly     bool
	threads      uint64
	maxClients   uint64
	maxMemory    uint64
	timeout      time.Duration // of the handshake
	mask         uint64        // of the handshake's flags
	noStructured bool
	oldstyle     bool
	tls          tlsOptions
	noSplice     bool

	filters    []string
	run        string
	runGiven   bool
	outputWait bool
	grace      time.Duration
	ui         string
	hold       session.Hold
	look       ui.Options
	record     string
	faults     bool

	background     bool
	foreground     bool
	exitWithParent bool
	pidFile        string
	user, group    string
	swap           bool
	log            string
	verbose        bool
	debug          []string // flags, as NAME.FLAG
	printURI       bool

	show string // what to print instead of serving: "help", "version", or the option's name
}

// table is every server option, once: parsing, help, completion and the manual page are made from it.
func (o *options) table() []param.Param {
	return []param.Param{
		{Name: "filter", Kind: "FILTER", Help: "Add a filter; the first one is nearest to the client",
			Set: func(s string) error { o.filters = append(o.filters, s); return nil }},
		{Name: "run", Kind: "COMMAND", Help: "Run a shell command as the captive; $nbd is the URI, and its end is ours",
			Set: func(s string) error { o.run, o.runGiven = s, true; return nil }},
		{Name: "unix", Short: "U", Kind: "SOCKET", Help: "Listen on a Unix socket; - for a private one",
			Default: "private with --run", Set: o.setUnix},
		{Name: "port", Short: "p", Kind: "PORT", Help: "Listen on a TCP or vsock port; 0 for a free one", Default: "10809",
			Set: notEmpty(&o.listen.Port, "a port is a number or a service's name")},
		{Name: "ipaddr", Aliases: []string{"ip-addr"}, Short: "i", Kind: "HOST", Default: "every interface",
			Help: "Listen on this address only", Set: param.Text(&o.listen.Host)},
		{Name: "ipv4-only", Short: "4", Help: "Listen on IPv4 only", Set: constant(&o.listen.Network, "tcp4")},
		{Name: "ipv6-only", Short: "6", Help: "Listen on IPv6 only", Set: constant(&o.listen.Network, "tcp6")},
		{Name: "vsock", Help: "Listen on a vsock port, for virtual machines", Set: param.Bool(&o.listen.Vsock)},
		{Name: "single", Aliases: []string{"stdin"}, Short: "s", Help: "Serve one client on standard input and output",
			Set: param.Bool(&o.single)},
		{Name: "exportname", Aliases: []string{"export", "export-name"}, Short: "e", Kind: "NAME",
			Help: "Name the export in the captive's URI", Set: param.Text(&o.export)},
		{Name: "print-uri", Help: "Print the URI on standard output", Set: param.Bool(&o.printURI)},
		{Name: "readonly", Aliases: []string{"read-only"}, Short: "r", Help: "Refuse every write",
			Set: param.Bool(&o.readOnly)},
		{Name: "threads", Short: "t", Kind: "N", Default: "16", Help: "Requests in hand at once on a connection",
			Set: param.Uint(&o.threads, 1024)},
		{Name: "max-connections", Kind: "N", Default: "128", Help: "Clients at once; one more is turned away",
			Set: param.Uint(&o.maxClients, 1<<20)},
		{Name: "max-memory", Kind: "SIZE", Default: "256M", Help: "Memory for the data of all clients' requests; who would need more waits",
			Set: param.Size(&o.maxMemory)},
		{Name: "timeout", Kind: "TIME", Default: "10s", Help: "How long a client's handshake may take",
			Set: setTime(&o.timeout)},
		{Name: "mask-handshake", Kind: "MASK", Default: "all ones", Help: "Offer only these flags in the handshake",
			Set: param.Uint(&o.mask, 1<<32-1)},
		{Name: "no-sr", Help: "Do not offer structured replies", Set: param.Bool(&o.noStructured)},
		{Name: "newstyle", Aliases: []string{"new-style"}, Short: "n", Help: "Use the newstyle handshake, as always",
			Set: func(string) error { o.oldstyle = false; return nil }},
		{Name: "oldstyle", Aliases: []string{"old-style"}, Short: "o", Help: "Use the oldstyle handshake, for clients that know no other; one export, no TLS",
			Set: param.Bool(&o.oldstyle)},
		{Name: "no-splice", Help: "Copy every read through user space", Set: param.Bool(&o.noSplice)},
		{Name: "tls", Kind: "off|on|require", Default: "on where there are certificates", Help: "Let clients encrypt their connections, or require it",
			Set: o.tls.setMode},
		{Name: "tls-certificates", Kind: "DIR",
			Default: "/etc/pki/nbdkit for root, else ~/.pki/nbdkit or ~/.config/pki/nbdkit",
			Help:    "Where ca-cert.pem, server-cert.pem, server-key.pem and maybe ca-crl.pem are; nbdtui tls-init makes them", Set: notEmpty(&o.tls.certificates, "name a directory")},
		{Name: "tls-psk", Kind: "PATH", Help: "Pre-shared keys as psktool writes them, instead of certificates; needs GnuTLS",
			Set: setPath(&o.tls.psk)},
		{Name: "tls-verify-peer", Help: "Ask clients for a certificate of the same authority", Set: param.Bool(&o.tls.verifyPeer)},
		{Name: "ui", Kind: "auto|tui|plain|quiet", Default: "auto",
			Help: "tui for the dashboard, plain for lines on standard error, quiet; auto: tui on a terminal, else quiet",
			Set:  oneOf(&o.ui, "auto", "tui", "plain", "quiet")},
		{Name: "child-output", Kind: "skip|wait", Default: "skip",
			Help: "Output faster than the screen: skip to the newest, or let the command wait", Set: o.setChildOutput},
		themeOption(&o.look),
		asciiOption(&o.look),
		{Name: "inline", Help: "Show a strip of four lines below the command's output, not the whole screen",
			Set: param.Bool(&o.look.Inline)},
		{Name: "record", Kind: "FILE", Help: "Write to a file what a dashboard shows, for nbdtui replay", Set: setPath(&o.record)},
		{Name: "hold", Kind: "never|error|always", Default: "never",
			Help: "Keep the dashboard when the command has ended; R runs it again, q leaves", Set: o.setHold},
		{Name: "allow-faults", Help: "Let t in the dashboard inject errors into the running session", Set: param.Bool(&o.faults)},
		{Name: "grace", Kind: "TIME", Default: "10s", Help: "How long the command may take to end when asked to",
			Set: setTime(&o.grace)},
		{Name: "foreground", Aliases: []string{"no-fork"}, Short: "f", Help: "Stay in the foreground, as always without --background",
			Set: param.Bool(&o.foreground)},
		{Name: "background", Help: "Go on in the background; the exit status 0 says that clients can come",
			Set: param.Bool(&o.background)},
		{Name: "exit-with-parent", Help: "End when the process ends that started this one", Set: param.Bool(&o.exitWithParent)},
		{Name: "pid-file", Aliases: []string{"pidfile"}, Short: "P", Kind: "PATH",
			Help: "Write the process id to a file when clients can come; removed at the end", Set: setPath(&o.pidFile)},
		{Name: "user", Short: "u", Kind: "USER", Help: "Become this user, a name or a number, when the sockets are bound",
			Set: notEmpty(&o.user, "name a user")},
		{Name: "group", Short: "g", Kind: "GROUP", Help: "Become this group, a name or a number, when the sockets are bound",
			Set: notEmpty(&o.group, "name a group")},
		{Name: "selinux-label", Kind: "LABEL", Help: "Give the sockets an SELinux label",
			Set: notEmpty(&o.listen.Label, "say a label")},
		{Name: "swap", Help: "Keep all memory in RAM, so that the disk can be swap space; needs an unlimited memlock",
			Set: param.Bool(&o.swap)},
		{Name: "log", Kind: "stderr|syslog|null", Default: "stderr; syslog in the background", Help: "Where errors go",
			Set: oneOf(&o.log, "stderr", "syslog", "null")},
		{Name: "verbose", Short: "v", Help: "Tell on standard error all that happens", Set: param.Bool(&o.verbose)},
		{Name: "debug", Short: "D", Kind: "NAME.FLAG=N", Help: "Set a debug flag; no plugin or filter has one yet", Set: o.setDebug},
		{Name: "dump-config", Help: "Print how the program was built", Set: constant(&o.show, "dump-config")},
		{Name: "dump-plugin", Help: "Print what there is to know of a plugin", Set: constant(&o.show, "dump-plugin")},
		{Name: "long-options", Help: "Print the long options, one a line", Set: constant(&o.show, "long-options")},
		{Name: "short-options", Help: "Print the short options, one a line", Set: constant(&o.show, "short-options")},
		{Name: "version", Short: "V", Help: "Print the version, and that of a plugin and filters", Set: constant(&o.show, "version")},
		{Name: "help", Help: "Print this help, or that of a plugin or filter", Set: constant(&o.show, "help")},
	}
}

// What a dashboard looks like is said in the same way wherever there is one.

func themeOption(to *ui.Options) param.Param {
	return param.Param{Name: "theme", Kind: strings.Join(ui.Themes(), "|"), Default: ui.Themes()[0],
		Help: "The dashboard's colours; a NO_COLOR that is not empty takes them away", Set: oneOf(&to.Theme, ui.Themes()...)}
}

func asciiOption(to *ui.Options) param.Param {
	return param.Param{Name: "ascii", Help: "Draw with ASCII alone, as in a locale without UTF-8", Set: param.Bool(&to.ASCII)}
}
