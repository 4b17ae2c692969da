package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"example.com/nbdtui/internal/nbd/wire"
)

// URI names an export: where its server listens, what it is called there, and what TLS it takes.
type URI struct {
	Network string // "tcp" or "unix"
	Address string // host:port, or the socket's path
	Export  string
	TLS     TLS
}

// TLS is what a URI says of it.
type TLS struct {
	Required     bool
	Keys         string // a file of pre-shared keys; empty for certificates
	User         string // whose key; empty for the user's who runs the program
	Certificates string // a directory; empty for libnbd's places, and else for the system's authorities
	Host         string // whom the server's certificate must be for, where that is not the address
	Unverified   bool   // the server may be anybody
}

// Same reports whether both name the same export, however they get there.
func (u URI) Same(other URI) bool {
	u.TLS, other.TLS = TLS{}, TLS{}
	return u == other
}

// defaultPort is NBD's.
const defaultPort = "10809"

var isURI = regexp.MustCompile(`^nbds?(\+[a-z]+)?://`)

// IsURI reports whether s is meant to be an NBD URI, rather than a file's name.
func IsURI(s string) bool { return isURI.MatchString(s) }

// ParseURI takes nbd://host[:port]/export and nbd+unix:///export?socket=PATH, percent-encoded (uri.md), and with nbds
// the same over TLS; tls-psk-file, tls-certificates, tls-hostname and tls-verify-peer are libnbd's. The export is the
// path without its first slash.
func ParseURI(s string) (URI, error) {
	u, err := url.Parse(s)
	if err != nil {
		return URI{}, fmt.Errorf("%q is not a URI: %w", s, errors.Unwrap(err))
	}
	r := URI{Export: strings.TrimPrefix(u.Path, "/")}
	if len(r.Export) > wire.MaxString {
		return URI{}, fmt.Errorf("the export's name in the URI is %d bytes long, and may have %d", len(r.Export), wire.MaxString)
	}
	said, err := parameters(u.RawQuery)
	if err != nil {
		return URI{}, fmt.Errorf("the URI %s: %w", s, err)
	}
	switch u.Scheme {
	case "nbd", "nbds":
		if u.Hostname() == "" {
			return URI{}, fmt.Errorf("the URI %s names no host", s)
		}
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		r.Network, r.Address = "tcp", net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	case "nbd+unix", "nbds+unix":
		r.Network, r.Address = "unix", said["socket"]
		if r.Address == "" {
			return URI{}, fmt.Errorf("the URI %s: a Unix socket is named by ?socket=PATH", s)
		}
		if r.Address[0] == '@' {
			r.Address = "./" + r.Address // not an abstract one, which begins with %00
		}
	default:
		return URI{}, fmt.Errorf("%s: %q is not nbd, nbd+unix, nbds or nbds+unix", s, u.Scheme)
	}
	if strings.HasPrefix(u.Scheme, "nbds") {
		r.TLS, err = parseTLS(said, u.User.Username())
	}
	if err != nil {
		return URI{}, fmt.Errorf("the URI %s: %w", s, err)
	}
	return r, nil
}

// parseTLS takes what a URI says of TLS.
func parseTLS(said map[string]string, user string) (TLS, error) {
	t := TLS{Required: true, Keys: said["tls-psk-file"], User: user, Certificates: said["tls-certificates"], Host: said["tls-hostname"]}
	switch kind := said["tls-type"]; {
	case kind == "", kind == "x509" && t.Keys == "", kind == "psk" && t.Keys != "":
	default:
		return t, fmt.Errorf("tls-type=%s is neither x509 nor, with tls-psk-file, psk", kind)
	}
	if verify, ok := said["tls-verify-peer"]; ok {
		on, err := strconv.ParseBool(verify)
		if err != nil {
			return t, fmt.Errorf("tls-verify-peer=%s is neither 0 nor 1", verify)
		}
		t.Unverified = !on
	}
	return t, nil
}

// parameters are the query's. The standard library would take a plus sign for a space.
func parameters(query string) (map[string]string, error) {
	said := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		name, raw, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(raw)
		if err != nil {
			return nil, err
		}
		if _, twice := said[name]; !twice {
			said[name] = value
		}
	}
	return said, nil
}

// escape writes a parameter's value: a space is %20 in a URI, and a slash needs no escape.
func escape(value string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(value))
}

// String is the URI, percent-encoded.
func (u URI) String() string {
	text, separator := "nbd://", "?"
	if u.Network == "unix" {
		text = "nbd+unix://"
	}
	if u.TLS.User != "" {
		text += url.User(u.TLS.User).String() + "@"
	}
	if u.Network == "tcp" {
		text += u.Address
	}
	text += (&url.URL{Path: "/" + u.Export}).EscapedPath()
	say := func(name, value string) {
		if value != "" {
			text += separator + name + "=" + escape(value)
			separator = "&"
		}
	}
	if u.Network == "unix" {
		say("socket", u.Address)
	}
	if t := u.TLS; t.Required {
		text = "nbds" + strings.TrimPrefix(text, "nbd")
		say("tls-psk-file", t.Keys)
		say("tls-certificates", t.Certificates)
		say("tls-hostname", t.Host)
		if t.Unverified {
			say("tls-verify-peer", "0")
		}
	}
	return text
}
