package main

import (
	"errors"
	"fmt"
	"os"

	"example.com/nbdtui/internal/param"
)

// check refuses options that exclude one another, and those that need what is not there.
func (o *options) check() error {
	if err := o.exclusions(); err != nil {
		return err
	}
	l := &o.listen
	if o.runGiven && l.Unix == "" && l.Port == "" && l.Host == "" && !l.Vsock {
		l.Private = true // nothing outside the session needs to find it
	}
	switch {
	case o.ui == "tui" && !onTerminal():
		return param.WithHint(errors.New("--ui=tui needs a terminal on standard input and output"),
			"leave the option out for a quiet server")
	case o.single && (isTerminal(os.Stdin) || isTerminal(os.Stdout)):
		return param.WithHint(errors.New("-s needs a client on standard input and output, and a terminal is there"),
			"let the client start nbdtui, or listen on a socket with -U")
	}
	return nil
}

// exclusion is two options that mean different things for one. nbdkit refuses the same ones, and the last ones are our
// own options'.
type exclusion struct {
	a, b         string
	aSaid, bSaid bool
	hint         string
}

func (o *options) exclusions() error {
	l := &o.listen
	unix, port := l.Unix != "", l.Port != ""
	const one, bound = "a session has one socket: say which", "the service manager has bound the sockets: leave the option out"
	for _, x := range []exclusion{
		{"-U", "-p", unix, port, one},
		{"-p", "-s", port, o.single, one},
		{"-U", "-s", unix, o.single, one},
		{"-s", "--run", o.single, o.runGiven, "the command would have the client's standard input and output"},
		{"-s", "--dump-plugin", o.single, o.show == "dump-plugin", "say one of them"},
		{"--vsock", "-U", l.Vsock, unix, one},
		{"--vsock", "-s", l.Vsock, o.single, one},
		{"--tls=require", "-o", o.tls.mode == "require", o.oldstyle, "oldstyle knows no TLS"},
		{"-i", "socket activation", l.Host != "", o.activated, bound},
		{"-p", "socket activation", port, o.activated, bound},
		{"-s", "socket activation", o.single, o.activated, bound},
		{"-U", "socket activation", unix, o.activated, bound},
		{"--run", "socket activation", o.runGiven, o.activated, "a service has no captive: leave the option out"},
		{"--background", "socket activation", o.background, o.activated, "the service manager keeps the process itself: leave the option out"},
		{"--background", "-f", o.background, o.foreground, "say one of them"},
		{"--background", "-s", o.background, o.single, "the client holds standard input and output"},
		{"--background", "--run", o.background, o.runGiven, "the command would be alone; put & behind the whole line instead"},
		{"--background", "--exit-with-parent", o.background, o.exitWithParent, "the parent of a background process is gone at once"},
		{"--background", "--ui=" + o.ui, o.background, o.ui != "auto", "nobody watches a background process"},
		{"--print-uri", "-s", o.printURI, o.single, "a client on standard input needs no URI"},
	} {
		if x.aSaid && x.bSaid {
			return param.WithHint(fmt.Errorf("%s and %s exclude one another", x.a, x.b), x.hint)
		}
	}
	return nil
}

// warnings are what is odd and goes on.
func (o *options) warnings() (list []string) {
	for _, flag := range o.debug {
		list = append(list, "-D "+flag+": nothing has this debug flag")
	}
	return list
}
