package ui

import (
	"fmt"
	"time"

	"example.com/nbdtui/internal/session"
)

// resumedFor is how long a resumed session says so.
const resumedFor = time.Second

// badge is the session's state: a word that is set off, and what there is to say of it. The P stands in it only in
// the state Paused, which is the gate's acknowledgement.
func badge(s *session.Snapshot) (r role, word, rest string) {
	if resting(s) && (s.State == session.Listening || s.State == session.Running) {
		return verdict(s)
	}
	switch s.State {
	case session.Starting:
		return moving, "[STARTING]", ""
	case session.Listening:
		return good, "[LISTENING]", ""
	case session.Pausing:
		rest = fmt.Sprintf("%d left", s.InFlight)
		if s.Oldest > 0 {
			rest += ", oldest " + age(s.Oldest)
		}
		return moving, "[PAUSING]", rest
	case session.Paused:
		return held, "[P] PAUSED " + clock(s.Time.Sub(s.Since)), ""
	case session.Stopping:
		rest = fmt.Sprintf("%d left", s.InFlight+s.Held)
		if s.Grace > 0 {
			rest += fmt.Sprintf(", %d s", (s.Grace+time.Second-1)/time.Second)
		}
		return moving, "[STOPPING]", rest
	case session.Waiting:
		return moving, "[WAITING]", "server stopped, waiting for the command"
	case session.Ended:
		return verdict(s)
	}
	if s.Pauses > 0 && s.Time.Sub(s.Since) < resumedFor {
		return good, "[RESUMED]", ""
	}
	return good, "[RUNNING]", ""
}

// verdict is how the child ended.
func verdict(s *session.Snapshot) (r role, word, rest string) {
	switch {
	case s.Child == nil:
		return good, "[DONE]", ""
	case s.Child.Status.ExitCode() == 0:
		return good, "[DONE]", "child exited 0"
	}
	return bad, "[FAILED]", "child " + s.Child.Status.String()
}
