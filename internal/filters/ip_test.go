package filters

import (
	"net"
	"testing"

	"example.com/nbdtui/internal/block"
)

func tcp(address string) block.Peer {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		panic(err)
	}
	return block.Peer{Addr: a}
}

type vsock struct{}

func (vsock) Network() string { return "vsock" }
func (vsock) String() string  { return "vm(3):1024" }

func TestIPRules(t *testing.T) {
	four, six := tcp("192.0.2.7:1000"), tcp("[2001:db8::7]:1000")
	mapped := block.Peer{Addr: &net.TCPAddr{IP: net.ParseIP("192.0.2.7").To16()}}
	scoped := block.Peer{Addr: &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "lo"}}
	unix := block.Peer{Addr: &net.UnixAddr{Net: "unix"}, Known: true, Pid: 42, Uid: 1000, Gid: 0}
	unknown := block.Peer{Addr: &net.UnixAddr{Net: "unix"}}
	virtual := block.Peer{Addr: vsock{}}
	all := []block.Peer{four, six, mapped, scoped, unix, unknown, virtual}
	for _, c := range []struct {
		words []string
		in    []block.Peer
	}{
		{nil, all},
		{[]string{"allow=any"}, all},
		{[]string{"allow=192.0.2.7"}, all}, // nothing is denied
		{[]string{"deny=any"}, nil},
		{[]string{"deny=ALL"}, nil},
		{[]string{"allow=192.0.2.7", "deny=any"}, []block.Peer{four, mapped}},
		{[]string{"deny=any", "allow=192.0.2.7"}, []block.Peer{four, mapped}}, // the order does not matter
		{[]string{"allow=::ffff:192.0.2.7", "deny=any"}, []block.Peer{four, mapped}},
		{[]string{"allow=192.0.2.8", "deny=all"}, nil},
		{[]string{"allow=192.0.0.0/22", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=192.0.3.255/23", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=0.0.0.0/0", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=::/0", "deny=all"}, []block.Peer{six, scoped}},
		{[]string{"allow=2001:DB8::/32,fe80::/10", "deny=all"}, []block.Peer{six, scoped}},
		{[]string{"allow=anyipv4,", "deny=all"}, []block.Peer{four, mapped}},
		{[]string{"allow=AllIPv6", "deny=all"}, []block.Peer{six, scoped}},
		{[]string{"allow=anyunix", "deny=all"}, []block.Peer{unix, unknown}},
		{[]string{"allow=anyvsock", "deny=all"}, []block.Peer{virtual}},
		{[]string{"allow=uid:1000,pid:1", "deny=all"}, []block.Peer{unix}},
		{[]string{"allow=uid:0", "deny=all"}, nil},
		{[]string{"allow=gid:0", "deny=all"}, []block.Peer{unix}}, // not one whose group nobody knows
		{[]string{"allow=uid:0", "allow=pid:42", "deny=all"}, []block.Peer{unix}},
		{[]string{"deny=anyunix,192.0.2.0/24"}, []block.Peer{six, scoped, virtual}},
		{[]string{"allow=", "deny=anyipv6"}, []block.Peer{four, mapped, unix, unknown, virtual}},
	} {
		s := over(t, "ip", c.words...)
		for _, p := range all {
			want := false
			for _, in := range c.in {
				want = want || in == p
			}
			if err := s.Admit(t.Context(), p); (err == nil) != want {
				t.Errorf("%v: %v (pid %d): %v, want it in: %v", c.words, p, p.Pid, err, want)
			}
		}
	}
}

func TestIPRefusesBadRules(t *testing.T) {
	for _, value := range []string{
		"x", "any,,all", ",any", "any,x", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/x",
		"::1/129", ":::", "fe80::1%lo", "fe80::%lo/10", "localhost", "pid:0", "pid:", "pid:-1", "uid:x", "gid:4294967296", "uid:0 ", "any ",
		"user:1", "unix",
	} {
		if refused(t, "ip", "allow", value) == nil {
			t.Errorf("allow=%s is taken", value)
		}
		if refused(t, "ip", "deny", value) == nil {
			t.Errorf("deny=%s is taken", value)
		}
	}
}
