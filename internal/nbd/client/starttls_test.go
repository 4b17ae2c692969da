package client

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/nbdtui/internal/nbd/client/clienttest"
	"example.com/nbdtui/internal/nbd/wire"
	"example.com/nbdtui/internal/secure"
)

// certificates are of an authority of their own, for localhost.
func certificates(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	if err := secure.MakeCertificates(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// overTLS makes a URI one that wants TLS, with these certificates.
func overTLS(uri, dir string) string {
	return "nbds" + strings.TrimPrefix(uri, "nbd") + "&tls-certificates=" + dir
}

// withKey makes a URI one that wants TLS with a user's pre-shared key.
func withKey(uri, user, file string) string {
	return strings.Replace(uri, "nbd+unix://", "nbds+unix://"+user+"@", 1) + "&tls-psk-file=" + file
}

func TestWhomTheClientTrusts(t *testing.T) {
	pki, other := certificates(t), certificates(t)
	strict := clienttest.Nbdkit(t, "--tls=require", "--tls-verify-peer", "--tls-certificates="+pki, "memory", "1M")
	lax := clienttest.Nbdkit(t, "--tls=on", "--tls-certificates="+pki, "memory", "1M")
	none := clienttest.Nbdkit(t, "--tls=off", "memory", "1M")
	broken := certificates(t)
	os.Remove(filepath.Join(broken, "client-key.pem"))
	for name, c := range map[string]struct{ uri, says string }{
		"its own":                          {overTLS(strict, pki), ""},
		"another name":                     {overTLS(strict, pki) + "&tls-hostname=elsewhere", "not elsewhere"},
		"another name, unverified":         {overTLS(strict, pki) + "&tls-hostname=elsewhere&tls-verify-peer=0", ""},
		"another authority":                {overTLS(lax, other), "unknown authority"},
		"another authority, unverified":    {overTLS(lax, other) + "&tls-verify-peer=false", ""},
		"a key is missing":                 {overTLS(lax, broken), "client-key.pem"},
		"without TLS where it is required": {strict, "requires TLS; name it by an nbds URI"},
		"TLS where there is none":          {overTLS(none, pki), "start TLS: the server's policy forbids it"},
		"TLS before fixed newstyle":        {overTLS(clienttest.Nbdkit(t, "--mask-handshake=0", "memory", "1M"), pki), "knows no TLS"},
	} {
		x, err := Dial(limited(t), c.uri)
		if err == nil {
			err = x.ReadAt(limited(t), make([]byte, 4096), 0)
			if x.secured != nil != strings.HasPrefix(c.uri, "nbds") {
				t.Errorf("%s: with TLS or without?", name)
			}
			x.Close()
		}
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v does not say %q", name, err, c.says)
		}
	}
}

// What a server, or who sits before it, may say when TLS is to begin.
func TestHostileStartTLS(t *testing.T) {
	start := wire.AppendGreeting(nil, wire.FixedNewstyle|wire.NoZeroes)
	agreed := wire.AppendOptionReply(slices.Clone(start), wire.OptStartTLS, wire.RepAck, 0)
	for says, sent := range map[string][]byte{
		"it went on without TLS": append(slices.Clone(agreed), goReplies()...),
		"TLS: ":                  agreed,
		"does not know":          wire.AppendOptionText(slices.Clone(start), wire.OptStartTLS, wire.RepErrUnsup, ""),
		"answers option":         wire.AppendOptionReply(slices.Clone(start), wire.OptGo, wire.RepAck, 0),
		"knows no TLS":           wire.AppendGreeting(nil, 0),
	} {
		wrap, err := secure.ClientCertificates(certificates(t), "localhost", true)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		go func() { defer close(ended); serveFake(theirs, false, sent) }()
		if c, err := open(limited(t), ours, "disk", wrap); err == nil {
			c.Close()
			t.Errorf("%s: it was opened", says)
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %q", err, says)
		}
		<-ended
	}
}

// A request that is cancelled while it waits for its answer leaves a connection that works.
func TestCancellingOverTLS(t *testing.T) {
	pki := certificates(t)
	c := dial(t, overTLS(clienttest.Nbdkit(t, "--tls=require", "--tls-certificates="+pki, "--filter=delay", "memory", "8M", "delay-read=100ms"), pki))
	for range 5 {
		ctx, cancel := context.WithCancel(limited(t))
		done := make(chan error)
		go func() { done <- c.ReadAt(ctx, make([]byte, 1<<20), 0) }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if err := c.ReadAt(limited(t), make([]byte, 4096), 0); err != nil {
			t.Fatal(err)
		}
	}
}
