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
}

// UnixVariables are those of a Unix socket; path should be absolute.
func UnixVariables(path, export string) Variables {
	return Variables{URI: unixURI(path, export), UnixSocket: path, ExportName: export}
}

// TCPVariables are those of a TCP port of this machine.
func TCPVariables(port, export string) Variables {
	return Variables{URI: tcpURI(port, export), Port: port, ExportName: export}
}

// VsockVariables are those of a vsock port of this machine, as nbdkit has them: the port is in the URI only.
func VsockVariables(port uint32, export string) Variables {
	return Variables{URI: vsockURI(port, export), ExportName: export}
}

// Environ is base with the variables in it. What base says under these names is dropped, and so is a tls, which names
// a mode that this server is not in.
func (v Variables) Environ(base []string) []string {
	env := without(base, "uri", "nbd", "port", "unixsocket", "exportname", "tls")
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
