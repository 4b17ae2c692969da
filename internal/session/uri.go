package session

import (
	"slices"

	"example.com/nbdtui/internal/captive"
)

// Where clients, and the child, find the session.

// variables are those of the first socket, which is the child's.
func (s *Session) variables() captive.Variables {
	if len(s.listeners) == 0 {
		return captive.Variables{}
	}
	return s.listeners[0].vars
}

// URI is where clients connect; where there are several sockets, to the first one. Empty where there is none.
func (s *Session) URI() string { return s.variables().URI }

// URIs are all of them. Several addresses of one port have the same.
func (s *Session) URIs() (list []string) {
	for _, l := range s.listeners {
		if !slices.Contains(list, l.vars.URI) {
			list = append(list, l.vars.URI)
		}
	}
	return list
}

// UnixSocket is the path of the socket that the session has made; empty where it is of another kind.
func (s *Session) UnixSocket() string {
	if s.cfg.Listen.Sockets != nil {
		return ""
	}
	return s.variables().UnixSocket
}

// PrivateDir is the directory of a private socket, which the session removes; empty where there is none.
func (s *Session) PrivateDir() string {
	if len(s.listeners) == 0 {
		return ""
	}
	return s.listeners[0].dir
}
