package main

import (
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOptionsThatExcludeOneAnotherAreRefusedByName(t *testing.T) {
	for _, c := range []struct {
		line string
		says string
	}{
		{"memory 1M -p 1 -U -", "-U and -p exclude"},
		{"-s memory 1M -p 1", "-p and -s exclude"},
		{"-U - memory 1M --single", "-U and -s exclude"},
		{"-s memory 1M --run true", "-s and --run exclude"},
		{"-s --dump-plugin memory", "-s and --dump-plugin exclude"},
		{"--vsock -U - memory 1M", "--vsock and -U exclude"},
		{"--vsock --stdin memory 1M", "--vsock and -s exclude"},
		{"--tls=require -o memory 1M", "--tls=require and -o exclude"},
		{"--tls=FORCE --tls-certificates=/no/such memory 1M", "--tls=require: a server's certificates are not all there: open /no/such/ca-cert.pem: no such file"},
		{"tls-init", "tls-init needs a directory"},
		{"tls-init --host=a/b x", `"a/b" is no host name`},
		{"--tls=maybe memory 1M", "say off, on or require"},
		{"--oldstyle memory 1M", "--oldstyle is not there yet"},
		{"--background -f memory 1M", "--background and -f exclude"},
		{"--background --run true memory 1M", "--background and --run exclude"},
		{"--background -s memory 1M", "--background and -s exclude"},
		{"--background --exit-with-parent memory 1M", "--background and --exit-with-parent exclude"},
		{"--background --ui=plain memory 1M", "--background and --ui=plain exclude"},
		{"--dump-plugin", "--dump-plugin needs a plugin"},
		{"--dump-plugin memory 1X", "size suffix"},
		{"--version nosuch", `unknown plugin "nosuch"`},
		{"-D memory memory 1M", "NAME.FLAG=N"},
		{"-D memory.x=y memory 1M", "NAME.FLAG=N"},
		{"--pid-file= memory 1M", "name a file"},
		{"--user= memory 1M", "name a user"},
		{"--log=file memory 1M", "say stderr, syslog or null"},
		{"--timeout=0 memory 1M", "say a time"},
		{"--mask-handshake=x memory 1M", "--mask-handshake=x"},
		{"--mask-handshake=0x100000000 memory 1M", "out of range"},
		{"--vsock -p http memory 1M", "vsock port http: not a port"},
		{"--ex=1 memory 1M", "unknown option --ex"},
		{"completion", "completion needs a shell"},
		{"completion csh", `"csh"`},
		{"man 1", "man takes no words"},
	} {
		r := quiet(t, strings.Fields(c.line)...)
		rows := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
		if r.code != 1 || r.stdout != "" || len(rows) > 2 || !strings.HasPrefix(rows[0], "nbdtui: error: ") || !strings.Contains(rows[0], c.says) {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want %q", c.line, r.code, r.stdout, r.stderr, c.says)
		}
	}
}

// Every spelling of every option means it, and so does every prefix that no other option has.
func TestEverySpellingMeansItsOption(t *testing.T) {
	var o options
	table := o.table()
	owners := map[string][]string{}
	var shorts []string
	for _, p := range table {
		if p.Short != "" {
			shorts = append(shorts, p.Short)
		}
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			if canonical(table, n) != p.Name {
				t.Errorf("--%s is --%s, not --%s", n, canonical(table, n), p.Name)
			}
			for i := 1; i < len(n); i++ {
				if !slices.Contains(owners[n[:i]], p.Name) {
					owners[n[:i]] = append(owners[n[:i]], p.Name)
				}
			}
		}
	}
	slices.Sort(shorts)
	if n := len(slices.Compact(shorts)); n != len(shorts) {
		t.Errorf("a letter has two options: %v", shorts)
	}
	for prefix, names := range owners {
		if got := canonical(table, prefix); len(names) == 1 && got != names[0] {
			t.Errorf("--%s is %s, and only --%s can be meant", prefix, got, names[0])
		}
	}
}

func TestEveryOptionOfNbdkitIsThere(t *testing.T) {
	peer(t, "nbdkit")
	for _, list := range []string{"--long-options", "--short-options"} {
		theirs, err := exec.Command("nbdkit", list).Output()
		if err != nil {
			t.Fatal(err)
		}
		ours := strings.Fields(quiet(t, list).stdout)
		for _, name := range strings.Fields(string(theirs)) {
			if !slices.Contains(ours, name) {
				t.Errorf("%s: %s is missing", list, name)
			}
		}
	}
}

func TestTheHandshakesOptionsAreHeeded(t *testing.T) {
	peer(t, "nbdinfo")
	for _, line := range []string{
		"-onfU - --run true memory 1M",
		"--no-fork --new-style --tls=off --verbose=no --run true memory 1M",
		"--timeout=5 --timeout 2m -4 -6 -n --run true memory 1M",
	} {
		if r := quiet(t, strings.Fields(line)...); r.code != 0 || r.stderr != "" {
			t.Errorf("%s: %+v", line, r)
		}
	}
	for flag, want := range map[string]string{
		"--no-sr":              "protocol: newstyle-fixed without TLS, using simple packets",
		"--mask-handshake=1":   "protocol: newstyle-fixed without TLS, using structured packets",
		"--mask-handshake=0x0": "protocol: newstyle without TLS, using simple packets",
		"--tls=0":              "protocol: newstyle-fixed without TLS, using structured packets",
	} {
		if r := quiet(t, flag, "memory", "1M", "--run", `nbdinfo "$nbd"`); !strings.HasPrefix(r.stdout, want) || r.code != 0 {
			t.Errorf("%s: %+v, want %q", flag, r, want)
		}
	}
	r := quiet(t, "-D", "memory.dir=1", "--debug=x.y=0x2", "--tls=on", "--tls-certificates=/no/such", "memory", "1M", "--run", "true")
	want := "nbdtui: warning: -D memory.dir: nothing has this debug flag\n" +
		"nbdtui: warning: -D x.y: nothing has this debug flag\n" +
		"nbdtui: warning: TLS is off: no certificates could be loaded: a server's certificates are not all there: " +
		"open /no/such/ca-cert.pem: no such file or directory\n"
	if r.code != 0 || r.stderr != want {
		t.Errorf("warnings: %+v", r)
	}
}

// A client that says nothing is closed when the handshake's time is over.
func TestTheHandshakesTimeIsLimited(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	cmd, _, _ := command(t, "--timeout=50ms", "-U", socket, "memory", "1M")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := dial(t, socket)
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(patience))
	if greeting, err := io.ReadAll(c); err != nil || len(greeting) != 18 {
		t.Errorf("after the greeting came %q, %v", greeting, err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
}
