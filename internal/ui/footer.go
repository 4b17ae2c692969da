package ui

import (
	"fmt"
	"strings"
	"time"

	"example.com/nbdtui/internal/session"
)

// patience is how long a pause may be before some clients do not take it: the kernel's with a timeout, and guests.
const patience = 30 * time.Second

// footer is the last line: a question, else a warning, else the keys. The screen's last cell stays empty: where the
// screen has become smaller Bubble Tea erases what is below, and terminals count that cell in.
func (d *drawing) footer() string {
	l := d.theme.line(d.size.w - 1)
	if d.view.focus {
		return l.text(plain, " ").text(strong, "^A").text(plain, " back").String()
	}
	if q := d.question(); q != "" {
		return l.text(question, " "+q).String()
	}
	keys := []string{"p pause", "r resume", "d D disconnect"}
	if d.s.Child != nil {
		keys = append(keys, "^A child")
	}
	if paused := d.s.Time.Sub(d.s.Since); d.s.State == session.Paused && paused > patience {
		l.text(warning, fmt.Sprintf(" * paused %s: kernel clients and guests give up ", clock(paused)))
		keys = []string{"r resume"}
	}
	const last = " ? help  q quit"
	l.keys(keys, l.room-len(last)-2)
	if l.room < len(last) {
		return l.String()
	}
	return l.space(l.room-len(last)).keys([]string{"? help", "q quit"}, l.room).String()
}

// keys adds those that fit into so many cells, each "key what it does".
func (l *line) keys(list []string, cells int) *line {
	for i, k := range list {
		gap := min(i, 1) + 1
		if cells -= gap + len(k); cells < 0 {
			break
		}
		at := strings.LastIndexByte(k, ' ')
		l.space(gap).text(strong, k[:at]).text(plain, k[at:])
	}
	return l
}

// question is the one that waits for an answer; empty where there is none.
func (d *drawing) question() string {
	switch d.view.ask {
	case askQuit:
		var what []string
		if running(d.s) {
			what = append(what, "child running")
		}
		if n := len(d.s.Clients); n > 0 {
			what = append(what, plural(n, "client"))
		}
		if len(what) == 0 { // all has ended since it was asked
			return "Quit? [s]top  [c]ancel"
		}
		return "Quit: " + strings.Join(what, ", ") + ". [s]top all  [c]ancel"
	case askSoft, askForce:
		how := ""
		if c := client(d.s, d.view.asked); c.InFlight+c.Held > 0 {
			how = ", " + plural(c.InFlight+c.Held, "request") + " lost"
		} else if d.view.ask == askForce {
			how = " by force"
		}
		return fmt.Sprintf("Disconnect #%d%s? [d]isconnect  [c]ancel", d.view.asked, how)
	}
	return ""
}

// running is true while there is a child that has not ended.
func running(s *session.Snapshot) bool { return s.Child != nil && s.Child.Ended.IsZero() }
