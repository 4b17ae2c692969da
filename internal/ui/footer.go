package ui

import (
	"fmt"
	"strings"
	"time"

	"example.com/nbdtui/internal/session"
)

// patience is how long a pause may be before some clients do not take it: the kernel's with a timeout, and guests.
const patience = 30 * time.Second

// footer is the last line: a question, else a warning, else the keys. The screen's last cell stays empty: some terminals
// scroll when it is written.
func (d *drawing) footer() string {
	l := d.theme.line(d.size.w - 1)
	if d.view.typing {
		l.text(plain, " ").text(strong, "^A").text(plain, " back")
		if resting(d.s) {
			l.text(plain, ": the command has ended")
		}
		return l.String()
	}
	if f := &d.view.filter; f.typing {
		return l.text(plain, " show events with: ").text(strong, d.theme.clean(f.text)).text(selected, " ").space(2).
			keys([]string{"enter keep", "esc all"}, l.room).String()
	}
	if d.view.knobs.open {
		return l.space(1).keys(d.knobKeys(), l.room-1).String()
	}
	if what, answers := d.question(); answers != "" {
		what = d.theme.cut(what, l.room-len(answers)-2) // who cannot see the answers cannot give one
		return l.text(question, " "+strings.TrimLeft(what+" "+answers, " ")).String()
	}
	if s := &d.view.back; s.prompt {
		return l.text(strong, " /").text(plain, d.theme.clean(s.query)).text(caret, " ").text(plain, "  enter searches, esc leaves").String()
	}
	if d.view.said != "" {
		return l.space(1).text(strong, d.theme.clean(d.view.said)).String()
	}
	last, right := " ? help  q quit", []string{"? help", "q quit"}
	if d.s.State == session.Stopping {
		last, right = " ? help  q now", []string{"? help", "q now"}
	}
	if d.view.inline {
		last, right = last[len(" ? help "):], right[1:]
	}
	if d.view.replay != "" {
		last, right = " "+d.view.replay+" "+last, append([]string{d.view.replay}, right...)
	}
	if d.view.mouse {
		last, right = " [MOUSE] m off "+last, append([]string{"[MOUSE] m off"}, right...)
	}
	if paused := d.s.Time.Sub(d.s.Since); d.s.State == session.Paused && paused > patience {
		if s := fmt.Sprintf(" * paused %s: kernel clients and guests give up ", clock(paused)); l.room >= len(s)+len("r resume")+len(last)+3 {
			l.text(warning, s)
		}
	}
	l.keys(d.keys(), l.room-len(last)-2)
	if l.room < len(last) {
		return l.String()
	}
	return l.space(l.room-len(last)).keys(right, l.room).String()
}

// keys are those that would do something now, the most useful first.
func (d *drawing) keys() []string {
	keys := d.childKeys()
	if d.view.replay != "" {
		return append(keys, "p stop", "r on", "z zoom", "tab panel")
	}
	switch d.s.State {
	case session.Pausing, session.Paused:
		keys = append(keys, "r resume")
	case session.Starting, session.Listening, session.Running:
		keys = append(keys, "p pause")
	}
	if resting(d.s) {
		keys = append([]string{"R run again"}, keys...)
	}
	if d.view.inline {
		if running(d.s) {
			keys = append(keys, "^A child")
		}
		return keys
	}
	if d.view.zoom {
		keys = append(keys, "z back")
	}
	if running(d.s) {
		keys = append(keys, "^A child")
	}
	if !d.view.zoom && (d.s.Child != nil || d.view.panel != noPanel || len(d.s.Clients) > 0) {
		keys = append(keys, "z zoom")
	}
	if d.view.zoom || d.plan[panelClients].boxed {
		keys = append(keys, "tab panel")
	}
	arrows := d.theme.glyphs.up + " " + d.theme.glyphs.down
	switch {
	case d.view.panel == panelEvents:
		keys = append(keys, arrows+" scroll", "/ filter")
	case d.view.panel == panelMap && !d.view.typing:
		keys = append(keys, "+ - scale", "arrows move")
	}
	if len(d.s.Clients) > 0 {
		keys = append(keys, "d D disconnect")
	}
	if others := d.view.panel != panelChild && d.view.panel != panelEvents && d.view.panel != panelMap; others && len(d.s.Clients) > 1 {
		keys = append(keys, arrows+" client")
	}
	if len(d.s.Knobs) > 0 && d.s.State < session.Waiting {
		keys = append(keys, "t tune")
	}
	return append(keys, "s save")
}

// keys adds those that fit into so many cells, each "key what it does".
func (l *line) keys(list []string, cells int) *line {
	for i, k := range list {
		gap := min(i, 1) + 1
		if cells < gap+width(k) {
			continue
		}
		cells -= gap + width(k)
		at := strings.LastIndexByte(k, ' ')
		l.space(gap).text(strong, k[:at]).text(plain, k[at:])
	}
	return l
}

// question is the one that waits for an answer, and the answers; empty where there is none.
func (d *drawing) question() (what, answers string) {
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
			return "Quit?", "[s]top  [c]ancel"
		}
		return "Quit: " + strings.Join(what, ", ") + ".", "[s]top all  [c]ancel"
	case askSoft, askForce:
		c, how := client(d.s, d.view.asked), ""
		switch n := c.InFlight + c.Held; {
		case d.view.ask == askForce && n > 0:
			how = " by force, " + plural(n, "request") + " lost"
		case d.view.ask == askForce:
			how = " by force"
		case n == 1:
			how = " once 1 request is answered"
		case n > 1:
			how = " once " + plural(n, "request") + " are answered"
		}
		return fmt.Sprintf("Disconnect #%d%s?", d.view.asked, how), "[d]isconnect  [c]ancel"
	}
	return "", ""
}

// running is true while there is a child that has not ended.
func running(s *session.Snapshot) bool { return s.Child != nil && s.Child.Ended.IsZero() }

// resting is true while the session goes on though its child has ended.
func resting(s *session.Snapshot) bool {
	return s.Child != nil && !s.Child.Ended.IsZero() && s.State < session.Stopping
}

// childKeys are those of the child's panel, where it has the focus.
func (d *drawing) childKeys() []string {
	s, arrows := &d.view.back, d.theme.glyphs.up+" "+d.theme.glyphs.down
	switch {
	case d.view.panel != panelChild:
		return nil
	case s.marked:
		return []string{"y copy", "v unmark", "hjkl move", "esc back"}
	case s.caret:
		return []string{"v mark", "y copy line", "hjkl move", "esc back"}
	case s.query != "" && s.on:
		return []string{"n older", "N newer", "/ search", "v select", "esc newest"}
	case s.on:
		return []string{"/ search", "v select", "y copy page", "esc newest"}
	}
	return []string{arrows + " scroll", "/ search"}
}
