package session

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	four = net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}
	six  = net.IPAddr{IP: net.IPv6loopback}
	// nowhere is of a network for documentation (RFC 5737): no machine has it.
	nowhere = net.IPAddr{IP: net.IPv4(192, 0, 2, 1)}
)

// A name's addresses are all bound, with one port, but for those that this machine has not.
func TestEveryAddressOfANameIsBound(t *testing.T) {
	found := []net.IPAddr{nowhere, four, six, four}
	want := []string{"127.0.0.1"}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		l.Close()
		want = append(want, "::1")
	}
	list, err := bindEach(ofFamily("tcp", found), "0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(list)
	var hosts []string
	for _, l := range list {
		host, port, _ := net.SplitHostPort(l.name)
		hosts = append(hosts, host)
		if port != list[0].vars.Port || port == "0" {
			t.Errorf("%s has port %s, and the captive is told %s", host, port, list[0].vars.Port)
		}
		c, err := net.Dial("tcp", l.name)
		if err != nil {
			t.Errorf("no client can come: %v", err)
			continue
		}
		c.Close()
	}
	if diff := cmp.Diff(want, hosts); diff != "" {
		t.Error(diff)
	}
	// One that is taken is an error, and those that were free before it are free again.
	other, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	port := fmt.Sprint(other.Addr().(*net.TCPAddr).Port)
	both := []address{{"tcp4", "127.0.0.1"}, {"tcp4", "127.0.0.2"}}
	if _, err := bindEach(both, port, ""); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("one address is taken: %v", err)
	}
	other.Close()
	again, err := bindEach(both, port, "")
	if err != nil {
		t.Errorf("after that: %v", err)
	}
	closeAll(again)
	if _, err := bindEach(ofFamily("tcp", []net.IPAddr{nowhere}), "0", ""); err == nil {
		t.Error("no address is of this machine, and all is well")
	}
}

func TestAddressesOfAFamily(t *testing.T) {
	for family, want := range map[string][]address{
		"tcp":  {{"tcp4", "127.0.0.1"}, {"tcp6", "::1"}},
		"tcp4": {{"tcp4", "127.0.0.1"}},
		"tcp6": {{"tcp6", "::1"}},
	} {
		if diff := cmp.Diff(want, ofFamily(family, []net.IPAddr{four, six, four}), cmp.AllowUnexported(address{})); diff != "" {
			t.Errorf("%s: %s", family, diff)
		}
	}
}
