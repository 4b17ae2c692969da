package captive

import (
	"fmt"
	"net"
)

// unixURI names an export behind a Unix socket, as nbdkit writes it: two slashes where there is no name.
func unixURI(path, export string) string {
	if export != "" {
		export = "/" + escape(export)
	}
	return "nbd+unix://" + export + "?socket=" + escape(path)
}

// tcpURI names an export behind a TCP port.
func tcpURI(host, port, export string) string {
	if export != "" {
		export = "/" + escape(export)
	}
	return "nbd://" + net.JoinHostPort(host, port) + export
}

// vsockURI names an export behind a vsock port of this machine, whose context id for itself is 1 (VMADDR_CID_LOCAL).
func vsockURI(port uint32, export string) string {
	if export != "" {
		export = "/" + escape(export)
	}
	return fmt.Sprintf("nbd+vsock://1:%d%s", port, export)
}

// escape writes every byte as %XX but letters, digits and .-_~/, which no shell, URI parser or qemu option string
// takes for something else.
func escape(s string) string {
	var out []byte
	for i := range len(s) {
		if c := s[i]; plain(c) {
			out = append(out, c)
		} else {
			out = fmt.Appendf(out, "%%%02X", c)
		}
	}
	return string(out)
}

func plain(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '.' || c == '-' || c == '_' || c == '~' || c == '/'
}
