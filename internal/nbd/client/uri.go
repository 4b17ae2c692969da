package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"example.com/nbdtui/internal/nbd/wire"
)

// URI names an export: where its server listens, and what it is called there. Two URIs of one export are equal.
type URI struct {
	Network string // "tcp" or "unix"
	Address string // host:port, or the socket's path
	Export  string
}

// defaultPort is NBD's.
const defaultPort = "10809"

var isURI = regexp.MustCompile(`^nbds?(\+[a-z]+)?://`)

// IsURI reports whether s is meant to be an NBD URI, rather than a file's name.
func IsURI(s string) bool { return isURI.MatchString(s) }

// ErrTLS is what a URI or a server that wants TLS answers.
var ErrTLS = errors.New("TLS is not supported yet")

// ParseURI takes nbd://host[:port]/export and nbd+unix:///export?socket=PATH, percent-encoded (uri.md). The export is
// the path without its first slash.
func ParseURI(s string) (URI, error) {
	u, err := url.Parse(s)
	if err != nil {
		return URI{}, fmt.Errorf("%q is not a URI: %w", s, errors.Unwrap(err))
	}
	r := URI{Export: strings.TrimPrefix(u.Path, "/")}
	if len(r.Export) > wire.MaxString {
		return URI{}, fmt.Errorf("the export's name in the URI is %d bytes long, and may have %d", len(r.Export), wire.MaxString)
	}
	switch u.Scheme {
	case "nbd":
		if u.Hostname() == "" {
			return URI{}, fmt.Errorf("the URI %s names no host", s)
		}
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		r.Network, r.Address = "tcp", net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	case "nbd+unix":
		r.Network = "unix"
		if r.Address, err = socket(u.RawQuery); err != nil {
			return URI{}, fmt.Errorf("the URI %s: %w", s, err)
		}
	case "nbds", "nbds+unix", "nbds+vsock":
		return URI{}, fmt.Errorf("%s: %w", s, ErrTLS)
	default:
		return URI{}, fmt.Errorf("%s: %q is not nbd or nbd+unix", s, u.Scheme)
	}
	return r, nil
}

// socket is the query's socket. The standard library would take a plus sign for a space.
func socket(query string) (string, error) {
	for pair := range strings.SplitSeq(query, "&") {
		if raw, ok := strings.CutPrefix(pair, "socket="); ok && raw != "" {
			path, err := url.PathUnescape(raw)
			if err == nil && path[0] == '@' {
				path = "./" + path // not an abstract one, which begins with %00
			}
			return path, err
		}
	}
	return "", errors.New("a Unix socket is named by ?socket=PATH")
}

// unixPath makes a form's value a URI's: a space is %20 there, and a slash needs no escape.
var unixPath = strings.NewReplacer("+", "%20", "%2F", "/")

// String is the URI, percent-encoded.
func (u URI) String() string {
	export := (&url.URL{Path: "/" + u.Export}).EscapedPath()
	if u.Network == "unix" {
		return "nbd+unix://" + export + "?socket=" + unixPath.Replace(url.QueryEscape(u.Address))
	}
	return "nbd://" + u.Address + export
}
