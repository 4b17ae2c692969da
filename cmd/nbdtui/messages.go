package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/session"
)

// messages prints errors: the program's name, "error:" and one line; below it a hint where there is one.
type messages struct {
	mu      sync.Mutex
	out     io.Writer // errors
	prefix  string    // the program's name, where out does not add it
	stderr  io.Writer // all else
	muted   bool
	plain   bool // every event is printed, with its time
	verbose bool // every event is printed, as a line for debugging
	warned  []string
}

func newMessages(stderr io.Writer) *messages {
	return &messages{out: stderr, prefix: "nbdtui: ", stderr: stderr}
}

// fail prints err, which ends the program.
func (m *messages) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintf(m.out, "%serror: %s\n", m.prefix, line(err.Error()))
	var h *param.Hint
	if errors.As(err, &h) {
		fmt.Fprintf(m.out, "%shint: %s\n", m.prefix, line(h.Text))
	}
}

// warn prints what is odd and goes on.
func (m *messages) warn(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.warned = append(m.warned, text)
	fmt.Fprintf(m.out, "%swarning: %s\n", m.prefix, line(text))
}

// debug prints a line of --verbose, which goes to standard error whatever --log says.
func (m *messages) debug(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verbose && !m.muted {
		fmt.Fprintf(m.stderr, "nbdtui: debug: %s\n", line(fmt.Sprintf(format, args...)))
	}
}

// event prints what went wrong while serving; in plain and verbose mode all that happens. Else it is for the dashboard.
func (m *messages) event(e session.Event) {
	switch {
	case m.plain:
		m.stamp(e.Time, severities[e.Level]+e.Text)
	case e.Level == session.Failure:
		m.mu.Lock()
		defer m.mu.Unlock()
		if !m.muted {
			fmt.Fprintf(m.out, "%serror: %s\n", m.prefix, line(e.Text))
		}
	default:
		m.debug("%s%s", severities[e.Level], e.Text)
	}
}

var severities = [...]string{session.Info: "", session.Warning: "warning: ", session.Failure: "error: "}

// stamp prints a line with its time.
func (m *messages) stamp(at time.Time, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintf(m.stderr, "nbdtui: %s %s\n", at.Format(time.TimeOnly), line(text))
}

// mute keeps events off a terminal that the dashboard has.
func (m *messages) mute(muted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muted = muted
}

// line makes one line of a message, whatever names were put into it.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) { // also those above ASCII: 0x9b alone begins a sequence
			return ' '
		}
		return r
	}, strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "; "))
}
