package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/secure"
)

// certificates are those of tls-init, for localhost and for host, and what it printed.
func certificates(t *testing.T, options ...string) (dir, said string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "a dir, with a comma")
	r := quiet(t, append([]string{"tls-init", dir}, options...)...)
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("tls-init: %+v", r)
	}
	return dir, r.stdout
}

// What tls-init prints is run as it is.
func TestTheCommandsOfTLSInitWork(t *testing.T) {
	peer(t, "nbdcopy", "qemu-img")
	free, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	_, said := certificates(t, "--host=127.0.0.3", "--host=other.example.com", "--port", port)
	var lines []string
	for line := range strings.Lines(said) {
		if command, ok := strings.CutPrefix(line, "  "); ok {
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	if len(lines) != 3 {
		t.Fatalf("tls-init printed %q", said)
	}
	dir := filepath.Dir(image(t, 3))
	serve := strings.Replace(lines[0], "nbdtui", program, 1) +
		" --run 'cd " + dir + ` && printf "%s\n" "$tls" "$uri" && ` + strings.ReplaceAll(strings.Join([]string{
		lines[1], "cmp disk.img copy.img", "rm copy.img", lines[2], "cmp disk.img copy.img"}, " && "), "'", `'\''`) + "'"
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "cd "+dir+" && "+serve)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "2\nnbds://localhost:"+port+"?tls-certificates=/") {
		t.Errorf("%s: %v\n%s", serve, err, out)
	}
}

// Who may come, by nbdkit's rules, and what the command is told.
func TestModesOfTLS(t *testing.T) {
	peer(t, "nbdinfo")
	dir, _ := certificates(t)
	broken, _ := certificates(t)
	os.WriteFile(filepath.Join(broken, "server-key.pem"), []byte("no key"), 0o600)
	const with, without = "newstyle-fixed with TLS", "newstyle-fixed without TLS"
	at := "--tls-certificates=" + dir
	uri := `nbds+unix:///?socket=$unixsocket\&tls-certificates=` + strings.ReplaceAll(strings.ReplaceAll(dir, " ", "%20"), ",", "%2C")
	for name, c := range map[string]struct {
		args     []string
		run      string
		code     int
		out, err string
	}{
		"off":                        {[]string{"--tls=off", at}, `echo "<$tls> $uri"; nbdinfo "$uri"`, 0, without, ""},
		"on":                         {[]string{"--tls=on", at}, `echo "<$tls> $uri"; nbdinfo "$uri"`, 0, without, ""},
		"on, and used":               {[]string{"--tls=on", at}, "nbdinfo " + uri, 0, with, ""},
		"on by itself, and used":     {[]string{at}, "nbdinfo " + uri, 0, with, ""},
		"required":                   {[]string{"--tls=require", at}, `echo "<$tls> $uri"; nbdinfo "$uri"`, 0, with, ""},
		"required, and not used":     {[]string{"--tls=require", at}, `nbdinfo nbd+unix:///?socket=$unixsocket`, 1, "", "not supported"},
		"not there, and not asked":   {nil, `nbdinfo "$uri"`, 0, without, ""},
		"not there, and named":       {[]string{"--tls-certificates=/no/such"}, `nbdinfo "$uri"`, 0, without, "warning: TLS is off"},
		"broken":                     {[]string{"--tls-certificates=" + broken}, "true", 1, "", "load server-cert.pem and server-key.pem in "},
		"used, and not there":        {[]string{"--tls=off"}, "nbdinfo " + uri, 1, "", "nbdinfo: "},
		"a name with an export name": {[]string{"--tls=require", at, "-e", "x y"}, `echo "$uri"; nbdinfo "$uri"`, 0, "nbds+unix:///x%20y?socket=", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := quiet(t, append(c.args, "memory", "1M", "--run", c.run)...)
			if r.code != c.code || !strings.Contains(r.stdout, c.out) || !strings.Contains(r.stderr, c.err) || c.err == "" && r.stderr != "" {
				t.Errorf("%+v", r)
			}
			if strings.Contains(c.run, "<$tls>") {
				want := map[string]string{"off": "<> nbd+unix://?", "on": "<1> nbd+unix://?", "required": "<2> nbds+unix://?"}[name]
				if !strings.HasPrefix(r.stdout, want) {
					t.Errorf("the command was told %.40q", r.stdout)
				}
			}
		})
	}
}

// The real clients, over TLS, with certificates on both sides, or with pre-shared keys.
func TestClientsOverTLS(t *testing.T) {
	dir, _ := certificates(t)
	keys := filepath.Join(t.TempDir(), "keys.psk") // the name that qemu wants
	if err := os.WriteFile(keys, []byte("alice:0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]string{"x509": {"--tls-verify-peer", "--tls-certificates=" + dir}}
	if secure.HasKeys {
		kinds["psk"] = []string{"--tls-psk=" + keys}
	}
	source := image(t, 64)
	for name, c := range map[string]struct{ needs, run string }{
		"nbdcopy": {"nbdcopy", `nbdcopy "$nbd" copy && cmp copy "$source" && nbdcopy copy "$nbd" && nbdcopy "$nbd" - | cmp - "$source"`},
		"copy":    {"cmp", `$nbdtui copy -q "$nbd" copy && cmp copy "$source" && $nbdtui copy -q copy "$nbd" && $nbdtui copy -q "$nbd" - | cmp - "$source"`},
		"nbdsh": {"nbdsh", `PATH=/usr/bin:$PATH nbdsh -c '
import os
h.set_uri_allow_local_file(True)
h.set_request_structured_replies(False)
h.connect_uri(os.environ["nbd"])
assert h.get_tls_negotiated()
before = h.pread(1 << 20, 12345)
for n in (1, 511, 4096, 16384, 16385, 65536, 1 << 20):
    data = os.urandom(n)
    h.pwrite(data, 12345, nbd.CMD_FLAG_FUA)
    assert h.pread(n, 12345) == data
h.pwrite(before, 12345)
h.flush()
bufs = [nbd.Buffer(1 << 20) for i in range(16)]
cookies = [h.aio_pread(b, i << 20) for i, b in enumerate(bufs)]
h.aio_disconnect()
while not h.aio_is_closed() and not h.aio_is_dead(): h.poll(-1)
assert all(h.aio_command_completed(c) for c in cookies)
' && PATH=/usr/bin:$PATH nbdsh -c '
import os
h.set_uri_allow_local_file(True)
h.set_opt_mode(True)
h.connect_uri(os.environ["nbd"])
names = []
h.opt_list(lambda name, text: names.append(name))
assert names == [""], names
h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
h.opt_go()
assert h.can_meta_context(nbd.CONTEXT_BASE_ALLOCATION) and h.get_structured_replies_negotiated()
h.shutdown()
'`},
		"qemu-img": {"qemu-img", `tls=tls-creds-x509,id=tls,endpoint=client,dir=$(echo "$certificates" | sed s/,/,,/g)
[ $kind = x509 ] || tls=tls-creds-psk,id=tls,endpoint=client,username=alice,dir=$keys
at=driver=nbd,tls-creds=tls,tls-hostname=localhost,server.type=unix,server.path=$unixsocket
[ -n "$unixsocket" ] || at=driver=nbd,tls-creds=tls,server.type=inet,server.host=localhost,server.port=$port
qemu-img convert -O raw --object "$tls" --image-opts "$at" copy && cmp copy "$source" &&
qemu-img convert -n --object "$tls" --image-opts --target-image-opts driver=raw,file.driver=file,file.filename=copy "$at" &&
qemu-img map --object "$tls" --image-opts "$at" && qemu-img compare --object "$tls" --image-opts "$at" driver=raw,file.driver=file,file.filename=copy`},
	} {
		for kind, options := range kinds {
			for _, socket := range [][]string{{"-U", "-"}, {"-p", "0"}} {
				t.Run(strings.Join([]string{name, kind, socket[0]}, " "), func(t *testing.T) {
					t.Parallel()
					peer(t, c.needs, "cmp")
					work := t.TempDir()
					disk := filepath.Join(work, "disk")
					if err := exec.Command("cp", source, disk).Run(); err != nil {
						t.Fatal(err)
					}
					args := slices.Concat(socket, options, []string{"--tls=require", "file", disk, "--run", c.run})
					cmd, stdout, stderr := command(t, args...)
					cmd.Dir = work
					cmd.Env = append(cmd.Env, "source="+source, "certificates="+dir, "nbdtui="+program, "kind="+kind, "keys="+filepath.Dir(keys))
					if cmd.Run(); status(cmd) != 0 {
						t.Errorf("status %d\n%s%s", status(cmd), stdout, stderr)
					}
				})
			}
		}
	}
}

// Pre-shared keys are refused where they are no secret, or not there.
func TestPreSharedKeysThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("alice:00112233\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, says := range map[string]string{file: "chmod 600 " + file, "/no/such": "--tls-psk: open /no/such: no such file"} {
		if r := quiet(t, "--tls-psk="+file, "memory", "1M", "--run", "true"); r.code != 1 || !strings.Contains(r.stderr, says) {
			t.Errorf("%+v does not say %q", r, says)
		}
	}
	if r := quiet(t, "--tls=off", "--tls-psk=/no/such", "memory", "1M", "--run", "true"); r.code != 0 || r.stderr != "" {
		t.Errorf("with TLS off: %+v", r)
	}
}

// The static program needs nothing of the system, and says so where it is asked for what does.
func TestTheStaticProgramStartsInAnEmptyRoot(t *testing.T) {
	root := t.TempDir()
	build := exec.Command("go", "build", "-tags", "static", "-o", filepath.Join(root, "nbdtui"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(root, "keys"), []byte("alice:00112233\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "/nbdtui", args...)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
			cmd.Dir = "/"
		} else {
			cmd.Path, cmd.Dir = filepath.Join(root, "nbdtui"), root
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("--version"); err != nil || out != "nbdtui "+version+"\n" {
		t.Errorf("%v: %s", err, out)
	}
	out, err := run("--tls-psk=keys", "-U", "socket", "memory", "1M", "--run", "true")
	if err == nil || !strings.Contains(out, "built without pre-shared keys") || !strings.Contains(out, "hint: ") {
		t.Errorf("%v: %s", err, out)
	}
}
