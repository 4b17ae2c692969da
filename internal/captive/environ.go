package captive

import (
	"slices"
	"strings"
)

// Variables are what the command finds in its environment: nbdkit's names, which there are pasted as text before the
// command. Here there is nothing to quote and nothing to inject.
type Variables struct {
	URI        string
	Port       string // empty for a Unix socket
	UnixSocket string // its path; empty for TCP
	ExportName string
	TLS        string // "1" where a client may speak TLS, "2" where it has to; empty without TLS
}

// Secured is v of a server that speaks TLS; with required it has to be spoken. The URI then says the client's side
// of it: a user, and a parameter with its value. Each may be empty.
func (v Variables) Secured(required bool, user, parameter, value string) Variables {
	v.TLS = "1"
	if !required {
		return v
	}
	v.TLS = "2"
	scheme, rest, _ := strings.Cut(v.URI, "://")
	if user != "" {
		rest = escape(user) + "@" + rest
	}
	v.URI = "nbds" + strings.TrimPrefix(scheme, "nbd") + "://" + rest
	if value == "" {
		return v
	}
	separator := "?"
	if strings.Contains(v.URI, "?") {
		separator = "&"
	}
	v.URI += separator + parameter + "=" + escape(value)
	return v
}

// UnixVariables are those of a Unix socket; path should be absolute.
func UnixVariables(path, export string) Variables {
	return Variables{URI: unixURI(path, export), UnixSocket: path, ExportName: export}
}

// TCPVariables are those of a TCP port; host is a name or an address.
func TCPVariables(host, port, export string) Variables {
	return Variables{URI: tcpURI(host, port, export), Port: port, ExportName: export}
}

// VsockVariables are those of a vsock port of this machine, as nbdkit has them: the port is in the URI only.
func VsockVariables(port uint32, export string) Variables {
	return Variables{URI: vsockURI(port, export), ExportName: export}
}

// Environ is base with the variables in it. What base says under these names is dropped, and so is its tls where this
// server has none.
func (v Variables) Environ(base []string) []string {
	env := without(base, "uri", "nbd", "port", "unixsocket", "exportname", "tls")
	if v.TLS != "" {
		env = append(env, "tls="+v.TLS)
	}
	return append(env,
		"uri="+v.URI,
		"nbd="+v.URI,
		"port="+v.Port,
		"unixsocket="+v.UnixSocket,
		"exportname="+v.ExportName,
	)
}

// terminalEnviron is env for a child on a terminal of its own: it must believe neither in our terminal's kind nor in
// its size.
func terminalEnviron(env []string) []string {
	return append(without(env, "TERM", "COLUMNS", "LINES"), "TERM=xterm-256color")
}

func without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
