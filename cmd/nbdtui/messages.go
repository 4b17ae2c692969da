package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/session"
)

// messages prints errors: the program's name, "error:" and one line; below it a hint where there is one.
type messages struct {
	mu    sync.Mutex
	out   io.Writer
	muted bool
	plain bool // every event is printed
}

// fail prints err, which ends the program.
func (m *messages) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintf(m.out, "nbdtui: error: %s\n", line(err.Error()))
	var h *param.Hint
	if errors.As(err, &h) {
		fmt.Fprintf(m.out, "nbdtui: hint: %s\n", line(h.Text))
	}
}

// event prints what went wrong while serving, and in plain mode all that happens. Else it is for the dashboard.
func (m *messages) event(e session.Event) {
	if m.plain {
		m.stamp(e.Time, [...]string{"", "warning: ", "error: "}[e.Level]+e.Text)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Level == session.Failure && !m.muted {
		fmt.Fprintf(m.out, "nbdtui: error: %s\n", line(e.Text))
	}
}

// stamp prints a line with its time.
func (m *messages) stamp(at time.Time, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintf(m.out, "nbdtui: %s %s\n", at.Format(time.TimeOnly), line(text))
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
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "; "))
}
