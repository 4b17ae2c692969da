package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/session"
	"example.com/nbdtui/internal/unixsocket"
)

// options are what the command line says beside the plugin and its parameters.
type options struct {
	listen     session.Listen
	export     string
	readOnly   bool
	threads    uint64
	maxClients uint64
	noSplice   bool
	filters    []string
	run        string
	runGiven   bool
	outputWait bool
	grace      time.Duration
	ui         string
	help       bool
	version    bool
}

// table is every server option, once: parsing and help are made from it.
func (o *options) table() []param.Param {
	return []param.Param{
		{Name: "filter", Kind: "FILTER", Help: "Add a filter; the first one is nearest to the client",
			Set: func(s string) error { o.filters = append(o.filters, s); return nil }},
		{Name: "run", Kind: "COMMAND", Help: "Run a shell command as the captive; $nbd is the URI, and its end is ours",
			Set: func(s string) error { o.run, o.runGiven = s, true; return nil }},
		{Name: "unix", Short: "U", Kind: "SOCKET", Help: "Listen on a Unix socket; - for a private one",
			Default: "private with --run", Set: o.setUnix},
		{Name: "port", Short: "p", Kind: "PORT", Help: "Listen on a TCP port; 0 for a free one", Default: "10809",
			Set: func(s string) error {
				if s == "" {
					return errors.New("a port is a number or a service's name")
				}
				o.listen.Port = s
				return nil
			}},
		{Name: "ipaddr", Aliases: []string{"ip-addr"}, Short: "i", Kind: "HOST", Default: "every interface",
			Help: "Listen on this address only", Set: param.Text(&o.listen.Host)},
		{Name: "ipv4-only", Short: "4", Help: "Listen on IPv4 only",
			Set: func(string) error { o.listen.Network = "tcp4"; return nil }},
		{Name: "ipv6-only", Short: "6", Help: "Listen on IPv6 only",
			Set: func(string) error { o.listen.Network = "tcp6"; return nil }},
		{Name: "exportname", Aliases: []string{"export", "export-name"}, Short: "e", Kind: "NAME",
			Help: "Name the export in the captive's URI", Set: param.Text(&o.export)},
		{Name: "readonly", Aliases: []string{"read-only"}, Short: "r", Help: "Refuse every write",
			Set: param.Bool(&o.readOnly)},
		{Name: "threads", Short: "t", Kind: "N", Default: "16", Help: "Requests in hand at once on a connection",
			Set: param.Uint(&o.threads, 1024)},
		{Name: "max-connections", Kind: "N", Default: "128", Help: "Clients at once; one more is turned away",
			Set: param.Uint(&o.maxClients, 1<<20)},
		{Name: "no-splice", Help: "Copy every read through user space", Set: param.Bool(&o.noSplice)},
		{Name: "ui", Kind: "MODE", Default: "auto",
			Help: "tui for the dashboard, plain for lines on standard error, quiet; auto: tui on a terminal, else quiet", Set: o.setUI},
		{Name: "child-output", Kind: "skip|wait", Default: "skip",
			Help: "Output faster than the screen: skip to the newest, or let the command wait", Set: o.setChildOutput},
		{Name: "grace", Kind: "TIME", Default: "10s", Help: "How long the command may take to end when asked to",
			Set: o.setGrace},
		{Name: "foreground", Aliases: []string{"no-fork"}, Short: "f", Help: "Stay in the foreground, as always",
			Set: func(string) error { return nil }},
		{Name: "version", Short: "V", Help: "Print the version", Set: param.Bool(&o.version)},
		{Name: "help", Help: "Print this help, or that of a plugin or filter", Set: param.Bool(&o.help)},
	}
}

func (o *options) setUnix(s string) error {
	o.listen.Private = s == "-"
	o.listen.Unix = s
	if s == "" {
		return errors.New("a socket needs a path, or - for a private one")
	}
	return unixsocket.Check(s)
}

func (o *options) setUI(s string) error {
	if !slices.Contains([]string{"auto", "tui", "plain", "quiet"}, s) {
		return errors.New("say auto, tui, plain or quiet")
	}
	o.ui = s
	return nil
}

func (o *options) setChildOutput(s string) error {
	if s != "skip" && s != "wait" {
		return errors.New("say skip or wait")
	}
	o.outputWait = s == "wait"
	return nil
}

func (o *options) setGrace(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return errors.New("say a time such as 30s or 2m")
	}
	o.grace = d
	return nil
}

// parse reads the command line and returns what is no option: the plugin and its parameters.
func (o *options) parse(args []string) (words []string, err error) {
	o.ui = "auto"
	table := o.table()
	flags := pflag.NewFlagSet("nbdtui", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SetInterspersed(os.Getenv("POSIXLY_CORRECT") == "")
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(canonical(table, name))
	})
	for _, p := range table {
		f := flags.VarPF(&value{p}, p.Name, p.Short, p.Help)
		if p.Kind == "" {
			f.NoOptDefVal = "true"
		}
	}
	if err := flags.Parse(args); err != nil {
		return nil, explain(table, err)
	}
	return flags.Args(), o.check()
}

// check refuses options that exclude one another.
func (o *options) check() error {
	l := &o.listen
	if l.Unix != "" && l.Port != "" {
		return param.WithHint(errors.New("-U and -p exclude one another"), "a session has one socket: say which")
	}
	if o.runGiven && l.Unix == "" && l.Port == "" {
		l.Private = true // nothing outside the session needs to find it
	}
	if o.ui == "tui" && !onTerminal() {
		return param.WithHint(errors.New("--ui=tui needs a terminal on standard input and output"),
			"leave the option out for a quiet server")
	}
	return nil
}

// value makes a parameter a flag.
type value struct{ param.Param }

func (v *value) Set(s string) error { return v.Param.Set(s) }
func (v *value) String() string     { return v.Default }
func (v *value) Type() string       { return v.Kind }

// canonical is the option that a long name means: itself, an alias, or a prefix that only one option has.
func canonical(table []param.Param, name string) string {
	var found []string
	for _, p := range table {
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			if n == name {
				return p.Name
			}
			if strings.HasPrefix(n, name) && !slices.Contains(found, p.Name) {
				found = append(found, p.Name)
			}
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return name
}

// explain words pflag's errors for a user.
func explain(table []param.Param, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownOption(table, unknown)
	case errors.As(err, &missing):
		return param.WithHint(fmt.Errorf("option %s needs a value", spelled(missing.GetSpecifiedName())),
			"nbdtui --help lists the options")
	case errors.As(err, &invalid):
		return fmt.Errorf("option --%s=%s: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	return err
}

func unknownOption(table []param.Param, e *pflag.NotExistError) error {
	name := e.GetSpecifiedName()
	err := fmt.Errorf("unknown option %s", spelled(name))
	var names, starts []string
	for _, p := range table {
		names = append(append(names, p.Name), p.Aliases...)
		if strings.HasPrefix(p.Name, name) {
			starts = append(starts, "--"+p.Name)
		}
	}
	if len(starts) > 1 && len(name) > 1 {
		return param.WithHint(err, "it could be "+strings.Join(starts, " or "))
	}
	if near := param.Nearest(name, names); near != "" {
		return param.WithHint(err, fmt.Sprintf("did you mean --%s?", near))
	}
	return param.WithHint(err, "nbdtui --help lists the options")
}

func spelled(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
