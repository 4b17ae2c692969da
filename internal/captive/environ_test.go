package captive

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The table of nbdkit's nbdkit-captive(1).
func TestVariablesAreThoseOfNbdkit(t *testing.T) {
	for _, test := range []struct {
		vars             Variables
		uri, port, usock string
	}{
		{TCPVariables("localhost", "10809", ""), "nbd://localhost:10809", "10809", ""},
		{TCPVariables("localhost", "123", "a b/ü"), "nbd://localhost:123/a%20b/%C3%BC", "123", ""},
		{TCPVariables("2001:db8::1", "123", "a"), "nbd://[2001:db8::1]:123/a", "123", ""},
		{UnixVariables("/tmp/n.sock", ""), "nbd+unix://?socket=/tmp/n.sock", "", "/tmp/n.sock"},
		{UnixVariables("/tmp/a&b", "x?#%"), "nbd+unix:///x%3F%23%25?socket=/tmp/a%26b", "", "/tmp/a&b"},
		{VsockVariables(10809, ""), "nbd+vsock://1:10809", "", ""},
		{VsockVariables(4294967295, "a b"), "nbd+vsock://1:4294967295/a%20b", "", ""},
		{UnixVariables("/A-z_0.9~", "$'\"\n"), "nbd+unix:///%24%27%22%0A?socket=/A-z_0.9~", "", "/A-z_0.9~"},
	} {
		got := [...]string{test.vars.URI, test.vars.Port, test.vars.UnixSocket}
		if diff := cmp.Diff([...]string{test.uri, test.port, test.usock}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestInheritedVariablesDoNotLeakThrough(t *testing.T) {
	base := []string{"PATH=/bin", "tls=2", "uri=old", "nbd=old", "port=1", "unixsocket=/old", "exportname=old", "urix=1"}
	want := []string{
		"PATH=/bin", "urix=1",
		"uri=nbd+unix:///e?socket=/s", "nbd=nbd+unix:///e?socket=/s", "port=", "unixsocket=/s", "exportname=e",
	}
	if diff := cmp.Diff(want, UnixVariables("/s", "e").Environ(base)); diff != "" {
		t.Error(diff)
	}
	if base[1] != "tls=2" {
		t.Error("the caller's slice was changed")
	}
}

func TestTheCommandSeesNoSizeAndNoKindOfOurTerminal(t *testing.T) {
	c := onTerminal(t, `echo "[$TERM$COLUMNS$LINES]"`, func(c *Config) {
		c.Env = append(c.Env, "TERM=dumb", "COLUMNS=7", "LINES=7")
	})
	ended(t, c)
	says(t, c, "[xterm-256color]")
}
