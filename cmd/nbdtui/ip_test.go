package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// A real client comes in, or does not, by IPv4, IPv6, both on one socket, and Unix.
func TestIPOverEverySocket(t *testing.T) {
	peer(t, "nbdinfo")
	sockets := map[string][]string{
		"127.0.0.1": {"-p", "0", "-i", "127.0.0.1"},
		"[::1]":     {"-p", "0", "-i", "::1"},
		"both":      {"-p", "0"},
		"unix":      nil,
	}
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("this machine has no IPv6: %v", err)
		}
		delete(sockets, "[::1]")
	} else {
		l.Close()
	}
	me := os.Getuid()
	for _, c := range []struct {
		rules string
		in    []string
	}{
		{"deny=", []string{"127.0.0.1", "[::1]", "both", "unix"}},
		{"deny=any", nil},
		{"allow=127.0.0.1 deny=all", []string{"127.0.0.1", "both"}},
		{"allow=127.0.0.0/8,::1 deny=all", []string{"127.0.0.1", "[::1]", "both"}},
		{"allow=::1/128 deny=all", []string{"[::1]"}},
		{"allow=anyipv6 deny=all", []string{"[::1]"}},
		{"deny=anyipv4,anyipv6", []string{"unix"}},
		{"allow=anyunix deny=all", []string{"unix"}},
		{fmt.Sprintf("allow=uid:%d deny=all", me), []string{"unix"}},
		{fmt.Sprintf("allow=uid:%d,gid:%d,pid:1,vsock-cid:1,security:x deny=all", me+1, os.Getgid()+1), nil},
		{"allow=dn:CN=client deny=any", nil},
		{"deny=dn:CN=client", []string{"127.0.0.1", "[::1]", "both", "unix"}},
	} {
		for name, socket := range sockets {
			run := `nbdinfo --size "$nbd"`
			switch name {
			case "unix":
			case "both":
				run = `nbdinfo --size "nbd://127.0.0.1:$port"`
			default:
				run = `nbdinfo --size "nbd://` + name + `:$port"`
			}
			r := quiet(t, append(append(socket, "--filter=ip", "memory", "1M", "--run", run), strings.Fields(c.rules)...)...)
			in := false
			for _, n := range c.in {
				in = in || n == name
			}
			if in != (r.code == 0) || in != (r.stdout == "1048576\n") {
				t.Errorf("%s by %s: status %d, %q, %s; want it in: %v", c.rules, name, r.code, r.stdout, r.stderr, in)
			}
		}
	}
}

// Who came by TLS is judged by the certificate that was verified, here that of tls-init's client.
func TestIPByTheNameOfACertificate(t *testing.T) {
	peer(t, "nbdinfo")
	dir, _ := certificates(t)
	for words, in := range map[string]bool{
		"allow=dn:CN=nbdtui client|deny=any":                           true,
		"allow=issuer-dn:CN=nbdtui certificate authority|deny=any":     true,
		"allow=dn:CN=another|deny=any":                                 false,
		"deny=dn:CN=nbdtui client":                                     false,
		"allow=anyipv6|deny=issuer-dn:CN=nbdtui certificate authority": false,
		"allow=anyunix|deny=dn:CN=nbdtui client":                       true,
	} {
		args := []string{"--tls=require", "--tls-verify-peer", "--tls-certificates=" + dir, "--filter=ip", "memory", "1M",
			"--run", `nbdinfo --size "$uri"`}
		r := quiet(t, append(args, strings.Split(words, "|")...)...)
		if in != (r.code == 0) || in != (r.stdout == "1048576\n") {
			t.Errorf("%s: %+v, want it in: %v", words, r, in)
		}
	}
}
