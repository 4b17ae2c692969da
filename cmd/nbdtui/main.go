// Command nbdtui supervises a captive NBD session: it serves a disk, runs a command beside it in a terminal of its
// own, and shows both on a dashboard. Here argv becomes a session and its end an exit status; nothing else in the
// program prints an error.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "example.com/nbdtui/internal/filters"
	_ "example.com/nbdtui/internal/plugins"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/session"
	"example.com/nbdtui/internal/ui"
)

// version of the program; the first release will be 1.0.0.
const version = "0.1.0"

func main() {
	if os.Getenv(guardVariable) != "" {
		os.Exit(guard(os.Stdin))
	}
	os.Exit(run(os.Args[1:]))
}

// commands are what the program does beside serving, by the first word.
var commands = map[string]func(args []string, stdin, stdout, stderr *os.File) error{
	"copy":       copyCommand,
	"tls-init":   tlsInitCommand,
	"replay":     replayCommand,
	"completion": completionCommand,
	"man":        manCommand,
}

// commandNames are the same, as completions offer them: those are made by one of the commands, and cannot ask for all.
var commandNames = []string{"copy", "replay", "tls-init", "completion", "man"}

// run is the whole program.
func run(args []string) (code int) {
	stderr := newMessages(os.Stderr)
	defer func() {
		if p := recover(); p != nil { // the terminal is restored by then: its owner has returned
			stderr.fail(fmt.Errorf("internal error: %v", p))
			code = 1
		}
	}()
	if len(args) > 0 && commands[args[0]] != nil {
		if err := commands[args[0]](args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			stderr.fail(err)
			return 1
		}
		return 0
	}
	var o options
	words, err := o.parse(args)
	switch {
	case err != nil:
	case o.show != "":
		err = o.print(os.Stdout, words)
	case len(words) == 0:
		err = param.WithHint(errors.New("no plugin is named"),
			"say what to serve, for example: nbdtui file big.iso; nbdtui --help tells more")
	default:
		if code, err = serve(&o, args, words, stderr); errors.Is(err, session.ErrOver) {
			return 0
		}
	}
	if err != nil {
		stderr.fail(err)
		if code == 0 {
			code = 1
		}
	}
	return code
}

// waiting is how many goroutines more than there are processors may run at once, at least. A thread that waits in the
// kernel keeps its place among those that run until somebody notices, and where clients are busy threads do wait
// there: for what a client asks next, and for the lock of a file to which several write.
const waiting = 8

// allowWaiting makes room for them, unless the user has said how many may run.
func allowWaiting() {
	if os.Getenv("GOMAXPROCS") == "" {
		n := runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(n + max(n, waiting))
	}
}

// serve runs a session to its end; words are what is no option among args.
func serve(o *options, args, words []string, stderr *messages) (int, error) {
	sockets, odd, err := session.Activated()
	if err != nil {
		return 1, err
	}
	if odd != "" {
		stderr.warn(odd)
	}
	o.listen.Sockets, o.activated = sockets, len(sockets) > 0
	if err := o.check(); err != nil {
		return 1, err
	}
	allowWaiting()
	if o.single && slices.Contains(words, "-") {
		return 1, param.WithHint(errors.New("- stands for standard input, and -s has its client there"), "name a file instead")
	}
	waiting, err := o.takeOver()
	if err != nil {
		return 1, err
	}
	if o.background && waiting == nil {
		return o.detach(args)
	}
	signals := catchSignals()
	defer signal.Stop(signals)
	start := setUp()
	defer start.end()
	stack, err := session.Configure(words[0], o.filters, words[1:])
	if err != nil {
		return 1, err
	}
	close(start.configured)
	defer stack.Close()
	around, err := o.prepare(stderr, waiting)
	if err != nil {
		return 1, err
	}
	defer around.end()
	around.signals, around.setUp = signals, start
	config := o.config(stack, around)
	// A message that nobody reads, or a file larger than the user may have, is no reason to end and to leave things
	// behind. The command finds the signals as they were.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGXFSZ)
	if o.dashboard() {
		config.Hold, config.Faults = o.hold, o.faults
		steered := []string{"rate", "delay"}
		if o.faults {
			steered = append(steered, "error")
		}
		if err := config.Stack.Steer(steered...); err != nil {
			return 1, err
		}
		return watched(config, o.look, around)
	}
	stderr.plain = o.ui == "plain"
	config.Watched = stderr.plain || around.recorded != nil
	if !stderr.plain {
		config.Stdout, config.Stderr = os.Stdout, os.Stderr
		if o.single { // standard output may be the client
			config.Stdout = os.Stderr
		}
	}
	s, leave, err := around.start(config)
	if err != nil {
		return 1, err
	}
	defer leave()
	if stderr.plain {
		stderr.report(s)
	}
	return s.Wait()
}

// config is what the options make of a session.
func (o *options) config(stack *session.Stack, around *service) session.Config {
	config := session.Config{
		Stack:               stack,
		Listen:              o.listen,
		ReadOnly:            o.readOnly,
		Export:              o.export,
		TLS:                 around.tls,
		Workers:             int(o.threads),
		MaxConnections:      int(o.maxClients),
		Splice:              !o.noSplice,
		HandshakeTimeout:    o.timeout,
		WithheldFlags:       ^uint16(o.mask),
		NoStructuredReplies: o.noStructured,
		Oldstyle:            o.oldstyle,
		MaxMemory:           o.maxMemory,
		Run:                 o.run,
		OutputWait:          o.outputWait,
		Grace:               o.grace,
		Event:               around.stderr.event,
		State:               around.notifier.change,
		Bound:               around.bound,
	}
	if o.runGiven && strings.TrimSpace(o.run) == "" {
		config.Run = ":" // an empty command ends at once and well, as a shell's does
	}
	return config
}

// watched runs a session under the dashboard.
func watched(config session.Config, show ui.Options, around *service) (int, error) {
	g, err := startGuard(show.Inline)
	if err != nil {
		return 1, err
	}
	defer g.dismiss()
	config.Terminal, config.Watched = true, true
	config.Warnings = around.stderr.warned
	around.stderr.mute(g.sameTerminal)
	s, leave, err := around.start(config)
	if err != nil {
		return 1, err
	}
	defer leave()
	g.protect(s.PrivateDir())
	shown := ui.Run(s, os.Stdin, os.Stdout, show)
	if shown != nil {
		s.Shutdown(session.ByUser, "the terminal is gone")
	}
	code, err := s.Wait()
	lines := endLines
	switch {
	case show.Inline: // all of it stands there already
		lines = 0
	case code != 0:
		lines = -1
	}
	leaveBehind(ui.Summary(s.Snapshot(), s.Tail(lines), columns(os.Stdout), show))
	return code, errors.Join(err, shown)
}

// leaveBehind prints what stays on the terminal. One that takes nothing more does not keep the program.
func leaveBehind(text string) {
	taken := make(chan struct{})
	go func() { // waited for below, or ended with the program
		defer close(taken)
		for piece := range slices.Chunk([]byte(text), 4<<10) {
			if _, err := os.Stdout.Write(piece); err != nil {
				return
			}
			taken <- struct{}{}
		}
	}()
	for {
		select {
		case _, more := <-taken:
			if !more {
				return
			}
		case <-time.After(2 * time.Second):
			return
		}
	}
}

// endLines is how much of the child's output is left on the terminal when all went well.
const endLines = 10

// catchSignals takes the signals that ask for the end.
func catchSignals() chan os.Signal {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, endSignals...)
	return signals
}

// obey turns signals, and the parent's end, into shutdowns, until stop is called.
func obey(s interface {
	Shutdown(r session.Reason, why string)
}, signals <-chan os.Signal, orphaned <-chan struct{}) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case sig := <-signals:
				s.Shutdown(sender(sig), "signal: "+sig.String())
			case <-orphaned:
				orphaned = nil
				s.Shutdown(session.ByUser, "the parent has ended")
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

// sender is who seems to have sent a signal: a key, where it is one that keys send and we are who has the terminal.
func sender(sig os.Signal) session.Reason {
	if (sig == syscall.SIGINT || sig == syscall.SIGQUIT) && inForeground(os.Stdin) {
		return session.ByTerminal
	}
	return session.ByUser
}

// dashboard reports whether there is to be one.
func (o *options) dashboard() bool {
	if o.single || o.background {
		return false
	}
	switch o.ui {
	case "tui":
		return true
	case "plain", "quiet":
		return false
	}
	return onTerminal() && os.Getenv("TERM") != "dumb"
}
