package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"example.com/nbdtui/internal/session"
)

// service is what surrounds a session: the process's place in the system. The caller ends it.
type service struct {
	options  *options
	stderr   *messages
	pipe     *os.File // to the process that waits for us; nil in the foreground
	notifier *notifier
	pid      pidFile // written, and to be removed
	tls      session.TLS
	orphaned <-chan struct{} // closed when the parent has ended; nil for no matter
	signals  <-chan os.Signal
	setUp    *settingUp
	recorded *os.File // what the session is recorded in; nil for nothing
}

// prepare does what comes before the session. What can be refused comes before what has to be ended.
func (o *options) prepare(stderr *messages, waiting *os.File) (v *service, err error) {
	v = &service{options: o, stderr: stderr, pipe: waiting}
	stderr.verbose = o.verbose
	stderr.debug("nbdtui %s", version)
	if v.pipe == nil {
		if err := stderr.direct(o.log, false, dialSyslog); err != nil {
			return nil, err
		}
	}
	for _, text := range o.warnings() {
		stderr.warn(text)
	}
	var odd string
	if v.tls, odd, err = o.tls.load(o.oldstyle); err != nil {
		return nil, err
	}
	if odd != "" {
		stderr.warn(odd)
	}
	if o.swap {
		if err := lockMemory(); err != nil {
			return nil, err
		}
	}
	if o.exitWithParent {
		if v.orphaned, err = watchParent(); err != nil {
			return nil, err
		}
	}
	if v.recorded, err = o.recorder(); err != nil {
		return nil, err
	}
	if o.single {
		if o.listen.Client, err = standardClient(); err != nil {
			return nil, err
		}
	}
	if v.notifier, err = newNotifier(); err != nil {
		stderr.warn(err.Error())
	}
	return v, nil
}

// start starts the session. Signals and the parent's end are heeded, and what happens is recorded, until leave is
// called.
func (v *service) start(config session.Config) (s *session.Session, leave func(), err error) {
	if s, err = session.Start(config); err != nil {
		return nil, nil, err
	}
	v.setUp.end()
	stop, finish := obey(s, v.signals, v.orphaned), record(s, v.recorded)
	return s, func() { stop(); finish() }, nil
}

// bound is what is done when the sockets are bound.
func (v *service) bound(s *session.Session) error {
	o := v.options
	if err := become(o.user, o.group, s.UnixSocket(), s.PrivateDir()); err != nil {
		return err
	}
	v.pid = pidFile(o.pidFile)
	if err := v.pid.write(); err != nil {
		return err
	}
	if o.printURI {
		_, err := fmt.Println(strings.Join(s.URIs(), "\n"))
		if err != nil && !errors.Is(err, syscall.EPIPE) { // who reads no more does not want it
			return fmt.Errorf("print the URI: %w", err)
		}
	}
	v.notifier.ready()
	if v.pipe == nil {
		return nil
	}
	if err := v.stderr.direct(o.log, true, dialSyslog); err != nil {
		return err
	}
	return release(v.pipe, o.verbose || o.log == "stderr")
}

// end leaves nothing behind.
func (v *service) end() {
	v.pid.remove()
	v.notifier.close()
}
