package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/secure"
)

const tlsInitUsage = `nbdtui tls-init makes certificates for a server and its clients.

usage: nbdtui tls-init [--host=NAME ...] [--port=PORT] DIR

  nbdtui tls-init ~/.pki/nbdkit
  nbdtui tls-init --host=disks.example.com --host=192.0.2.7 /etc/pki/nbdkit

In DIR are then ca-cert.pem and ca-key.pem, the authority; server-cert.pem and server-key.pem; client-cert.pem and
client-key.pem. No file is replaced. Keys can be read by the user alone. The server's certificate is for localhost and
for each --host; all are good for ten years.

A client needs ca-cert.pem, and with --tls-verify-peer also the client's two files. Keep ca-key.pem: who has it can make
certificates that server and clients trust.

`

// tlsInitOptions are the options of nbdtui tls-init.
type tlsInitOptions struct {
	hosts []string
	port  uint64
	help  bool
}

func (o *tlsInitOptions) table() []param.Param {
	return []param.Param{
		{Name: "host", Kind: "NAME", Help: "A name or an address that clients call the server by", Set: func(s string) error {
			if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("/?#@[]'", r) }) {
				return fmt.Errorf("%q is no host name and no address", s)
			}
			o.hosts = append(o.hosts, s)
			return nil
		}},
		{Name: "port", Kind: "PORT", Default: "10809", Help: "The TCP port in the commands that are printed",
			Set: param.Uint(&o.port, 65535)},
		{Name: "help", Short: "h", Help: "Print this help", Set: param.Bool(&o.help)},
	}
}

func (o *tlsInitOptions) parse(args []string) (dir string, err error) {
	words, err := parseTable("nbdtui tls-init", o.table(), args)
	switch {
	case err != nil:
		return "", err
	case o.help:
		return "", nil
	case len(words) != 1 || words[0] == "":
		return "", param.WithHint(fmt.Errorf("tls-init needs a directory, and was given %d words", len(words)),
			"for example: nbdtui tls-init ~/.pki/nbdkit; nbdtui tls-init --help tells more")
	}
	return words[0], nil
}

// tlsInitCommand is nbdtui tls-init: args are what stands behind it.
func tlsInitCommand(args []string, _, stdout, _ *os.File) error {
	o := tlsInitOptions{port: 10809}
	dir, err := o.parse(args)
	if err != nil {
		return err
	}
	if o.help {
		return printUsage(stdout, tlsInitUsage, o.table())
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	hosts := append(slices.Clone(o.hosts), "localhost", "127.0.0.1", "::1")
	if err := secure.MakeCertificates(dir, hosts); err != nil {
		return err
	}
	_, err = io.WriteString(stdout, tlsAdvice(dir, hosts[0], o.port))
	return err
}

// tlsAdvice is how to use what was made, as commands for a shell.
func tlsAdvice(dir, host string, port uint64) string {
	number := strconv.FormatUint(port, 10)
	quoted := shellWord(dir)
	uri := "nbds://" + net.JoinHostPort(host, number) + "/?tls-certificates=" + strings.ReplaceAll(url.PathEscape(dir), "%2F", "/")
	// qemu takes two commas for one.
	credentials := "tls-creds-x509,id=tls,endpoint=client,dir=" + strings.ReplaceAll(dir, ",", ",,")
	image := "driver=nbd,server.type=inet,server.host=" + host + ",server.port=" + number + ",tls-creds=tls"
	return fmt.Sprintf(`Certificates for %s are in %s.

Serve with them, and ask clients for theirs:
  nbdtui -p %s file disk.img --tls=require --tls-verify-peer --tls-certificates=%s

Copy from there:
  nbdcopy %s copy.img
  qemu-img convert -p --object %s --image-opts %s copy.img

On another machine a client needs ca-cert.pem, client-cert.pem and client-key.pem of that directory, and nothing else.
`, host, dir, number, quoted, shellWord(uri), shellWord(credentials), shellWord(image))
}

// shellWord is s as one word for a shell.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=,:+%@", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
