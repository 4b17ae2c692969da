package main

import (
	"fmt"
	"io"
	"log/syslog"

	"example.com/nbdtui/internal/param"
)

// dialSyslog connects to the system's log, as nbdkit does: a daemon that tells of errors.
func dialSyslog() (io.Writer, error) {
	return syslog.New(syslog.LOG_DAEMON|syslog.LOG_ERR, "nbdtui")
}

// direct sends errors where --log says. A background process that was told nothing uses syslog where there is one.
func (m *messages) direct(where string, background bool, dial func() (io.Writer, error)) error {
	var out io.Writer
	switch {
	case where == "null":
		out = io.Discard
	case where == "syslog" || where == "" && background:
		var err error
		if out, err = dial(); err != nil && where == "" {
			out = io.Discard
		} else if err != nil {
			return param.WithHint(fmt.Errorf("--log=syslog: %w", err), "no syslog runs here; --log=stderr does without")
		}
	default:
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out, m.prefix = out, "" // syslog adds the program's name itself
	return nil
}
