package filters_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/nbdtui/internal/session"
)

// peer skips the test where a program of somebody else's is missing; where tests must be complete, it fails.
func peer(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", name)
			}
			t.Skipf("%s is not installed", name)
		}
	}
}

// serve starts a session with a captive, which finds a directory of its own in $dir, and a Python that has libnbd's
// shell in its PATH.
func serve(t *testing.T, run, plugin string, filters []string, words ...string) (s *session.Session, dir string) {
	t.Helper()
	stack, err := session.Configure(plugin, filters, words)
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = os.MkdirTemp("", "f"); err != nil { // t.TempDir may be too long for a socket
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("dir", dir)
	t.Setenv("TMPDIR", dir)
	t.Setenv("PATH", "/usr/bin:"+os.Getenv("PATH"))
	s, err = session.Start(session.Config{
		Stack: stack, Listen: session.Listen{Private: true}, Run: "exec 2>\"$dir/stderr\"\n" + run,
		Event: func(e session.Event) { t.Log(e.Text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown(session.ByUser, "the test is over")
		<-s.Done()
	})
	return s, dir
}

// captive runs a command line in a session and wants it to succeed.
func captive(t *testing.T, run, plugin string, filters []string, words ...string) {
	t.Helper()
	s, dir := serve(t, run, plugin, filters, words...)
	select {
	case <-s.Done():
	case <-time.After(time.Minute):
		t.Fatal("the session does not end")
	}
	if code, err := s.Wait(); code != 0 {
		said, _ := os.ReadFile(filepath.Join(dir, "stderr"))
		t.Errorf("status %d, %v\n%s", code, err, said)
	}
}

func TestNbdshIsRefusedByReadonly(t *testing.T) {
	peer(t, "nbdsh", "nbdinfo")
	captive(t, `nbdinfo --is read-only "$nbd"`, "memory", []string{"readonly"}, "1M")
	file := filepath.Join(t.TempDir(), "ro")
	t.Setenv("file", file)
	captive(t, `nbdsh -u "$nbd" -c '
import os, errno
h.pwrite(b"x" * 512, 0)
open(os.environ["file"], "w").close()
for change in (lambda: h.pwrite(b"y" * 512, 0), lambda: h.trim(512, 0), lambda: h.zero(512, 0)):
    try:
        change()
        assert False, "it was changed"
    except nbd.Error as e:
        assert e.errnum == errno.EPERM, e
assert h.pread(512, 0) == b"x" * 512
os.remove(os.environ["file"])
h.zero(512, 0)
'`, "memory", []string{"readonly"}, "1M", "readonly-file="+file)
}

func TestNbdshWaitsForDelay(t *testing.T) {
	peer(t, "nbdsh")
	captive(t, `nbdsh -u "$nbd" -c '
import time
def took(what):
    start = time.monotonic()
    what()
    return time.monotonic() - start
assert took(lambda: h.pread(512, 0)) >= 0.2
assert took(lambda: h.pwrite(bytes(512), 0)) >= 0.1
assert took(lambda: h.flush()) < 0.1
'`, "memory", []string{"delay"}, "1M", "rdelay=200ms", "wdelay=0.1")
}

func TestNbdshIsRefusedByLimit(t *testing.T) {
	peer(t, "nbdsh")
	captive(t, `nbdsh -u "$nbd" -c '
import os
uri = os.environ["nbd"]
two = nbd.NBD()
two.connect_uri(uri)
three = nbd.NBD()
try:
    three.connect_uri(uri)
    assert False, "a third client is there"
except nbd.Error:
    pass
two.shutdown()
del two
for i in range(1000):
    try:
        three = nbd.NBD()
        three.connect_uri(uri)
        break
    except nbd.Error:
        pass
three.pread(512, 0)
'`, "memory", []string{"limit"}, "1M", "limit=2")
}

// everything asks for each thing once, and says how each ended.
const everything = `export uri; nbdsh --base-allocation -c '
import os
h.connect_uri(os.environ["uri"])
def say(what):
    try:
        what()
        print("done")
    except nbd.Error as e:
        print(e.errno)
say(lambda: h.pread(512, 0))
say(lambda: h.pwrite(b"a" * 512, 512, nbd.CMD_FLAG_FUA))
say(lambda: h.zero(4096, 0, nbd.CMD_FLAG_NO_HOLE))
say(lambda: h.zero(65536, 65536))
say(lambda: h.trim(4096, 0))
say(lambda: h.flush())
say(lambda: h.cache(4096, 0))
say(lambda: h.block_status(1 << 20, 0, lambda *a: 0))
h.shutdown()
' >"$out" 2>&1`

// Each is given to nbdkit and to nbdtui, and the client must see the same.
func TestNbdkitAnswersTheSame(t *testing.T) {
	peer(t, "nbdsh", "nbdkit")
	for _, words := range [][]string{
		{"error"}, {"error", "error-rate=100%"}, {"error", "error=ENOSPC", "error-rate=1"},
		{"error", "error-pwrite-rate=1", "error-pwrite=EPERM", "error-cache-rate=100%", "error-cache=EINVAL"},
		{"error", "error-pread-rate=1", "error-trim-rate=1", "error-zero-rate=1", "error-extents-rate=1", "error=ENOMEM", "error-zero=ESHUTDOWN"},
		{"error", "error-rate=1", "error-pread-rate=0", "error-file=/nonexistent"},
		{"error", "error-rate=1", "error-pread-rate=0", "error-trim-file=/nonexistent"},
		{"error", "error-pread-rate=0", "error-rate=1"},
		{"delay", "delay-zero=1ms", "delay-fast-zero=false"}, {"limit"}, {"limit", "limit=0"},
	} {
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			theirs, ours := filepath.Join(t.TempDir(), "theirs"), filepath.Join(t.TempDir(), "ours")
			nbdkit(t, theirs, words...)
			t.Setenv("out", ours)
			captive(t, everything, "memory", words[:1], append([]string{"1M"}, words[1:]...)...)
			if want, got := text(t, theirs), text(t, ours); got != want || got == "" {
				t.Errorf("nbdkit answers\n%s\nand nbdtui\n%s", want, got)
			}
		})
	}
}

// nbdkit runs everything against the reference; the client's words go to out.
func nbdkit(t *testing.T, out string, words ...string) {
	t.Helper()
	args := append([]string{"-U", "-", "--filter=" + words[0], "memory", "1M"}, words[1:]...)
	cmd := exec.CommandContext(t.Context(), "nbdkit", append(args, "--run", everything)...)
	cmd.Env = append(os.Environ(), "out="+out, "PATH=/usr/bin:"+os.Getenv("PATH"))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nbdkit: %v\n%s\n%s", err, said, text(t, out))
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The log is nbdkit's, line for line, but for the time, and for a line about a fork that we do not make.
func TestNbdkitLogsTheSame(t *testing.T) {
	peer(t, "nbdsh", "nbdkit")
	dir := t.TempDir()
	theirs, ours := filepath.Join(dir, "theirs"), filepath.Join(dir, "ours")
	nbdkit(t, filepath.Join(dir, "out"), "log", "logfile="+theirs)
	t.Setenv("out", filepath.Join(dir, "out"))
	captive(t, everything, "memory", []string{"log"}, "1M", "logfile="+ours)
	same := func(log string) string {
		log = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} `).ReplaceAllString(log, "")
		return strings.Replace(log, "Fork\n", "", 1)
	}
	if want, got := same(text(t, theirs)), same(text(t, ours)); got != want {
		t.Errorf("nbdkit logs\n%s\nand nbdtui\n%s", want, got)
	}
	disks := filepath.Join(dir, "disks")
	if err := os.MkdirAll(disks, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b c"} {
		if err := os.WriteFile(filepath.Join(disks, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const list = `h.opt_list(lambda *names: None); h.opt_abort()`
	t.Setenv("list", `h.set_opt_mode(True); import os; h.connect_uri(os.environ["uri"]); `+list)
	cmd := exec.CommandContext(t.Context(), "nbdkit", "-U", "-", "--filter=log", "file", "dir="+disks, "logfile="+theirs, "--run", `uri=$uri nbdsh -c "$list"`)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nbdkit: %v\n%s", err, said)
	}
	captive(t, `nbdsh -c "$list"`, "file", []string{"log"}, "dir="+disks, "logfile="+ours)
	sorted := func(log string) string { return strings.Replace(same(log), `("b c" a)`, `(a "b c")`, 1) } // as the directory has them
	if want, got := sorted(text(t, theirs)), sorted(text(t, ours)); got != want || !strings.Contains(got, "ListExports") {
		t.Errorf("of a list nbdkit logs\n%s\nand nbdtui\n%s", want, got)
	}
}

// The server goes when the last client has left; the command is waited for.
func TestExitlastWithNbdinfo(t *testing.T) {
	peer(t, "nbdinfo", "nbdsh")
	captive(t, `nbdsh -u "$nbd" -c 'h.pread(512, 0)' && while test -e "$unixsocket"; do sleep 0.01; done`,
		"memory", []string{"exitlast"}, "1M")
	captive(t, `for i in 1 2 3; do nbdinfo --size "$nbd" || exit 1; done; while test -e "$unixsocket"; do sleep 0.01; done`,
		"memory", []string{"exitlast"}, "1M", "exitlast-grace=500ms")
}

// Of several clients any may leave, and the last one ends the session.
func TestExitlastWithSeveralClients(t *testing.T) {
	peer(t, "nbdsh")
	for _, words := range [][]string{{"1M"}, {"1M", "exitlast-grace=2"}} {
		captive(t, `nbdsh -c '
import os
uri = os.environ["nbd"]
clients = [nbd.NBD() for i in range(4)]
for c in clients:
    c.connect_uri(uri)
while clients:
    for c in clients:
        c.pread(512, 0)
    clients.pop(0).shutdown()
if os.environ.get("again"):
    c = nbd.NBD() # within the grace
    c.connect_uri(uri)
    c.pread(512, 0)
    c.shutdown()
while os.path.exists(os.environ["unixsocket"]):
    pass
try:
    nbd.NBD().connect_uri(uri)
    assert False, "the server is still there"
except nbd.Error:
    pass
'`, "memory", []string{"exitlast"}, words...)
		t.Setenv("again", "yes")
	}
}

// After the event those who are there may stay, others are refused, and the last one to leave ends the session.
func TestExitwhenWithSeveralClients(t *testing.T) {
	peer(t, "nbdsh")
	file := filepath.Join(t.TempDir(), "stop")
	t.Setenv("file", file)
	captive(t, `nbdsh -c '
import os
uri = os.environ["nbd"]
clients = [nbd.NBD() for i in range(3)]
for c in clients:
    c.connect_uri(uri)
open(os.environ["file"], "w").close()
for i in range(3):
    for c in clients:
        c.pwrite(b"x" * 512, 0)
    try:
        nbd.NBD().connect_uri(uri)
        assert False, "one more came in"
    except nbd.Error:
        pass
    assert os.path.exists(os.environ["unixsocket"])
    clients.pop().shutdown()
while os.path.exists(os.environ["unixsocket"]):
    pass
'`, "memory", []string{"exitwhen"}, "1M", "exit-when-file-created="+file)
}

// Of many that come at once no more than the limit get in, and one that leaves makes room.
func TestLimitWithSeveralClients(t *testing.T) {
	peer(t, "nbdsh")
	captive(t, `nbdsh -c '
import os, threading
uri = os.environ["nbd"]
lock, inside = threading.Lock(), []
def come():
    c = nbd.NBD()
    try:
        c.connect_uri(uri)
        c.pread(512, 0)
        with lock:
            inside.append(c)
    except nbd.Error:
        pass
def crowd():
    threads = [threading.Thread(target=come) for i in range(12)]
    for t in threads: t.start()
    for t in threads: t.join()
crowd()
assert len(inside) == 3, len(inside)
for c in inside:
    c.pread(512, 0)
inside.pop().shutdown()
while len(inside) < 3: # until the server has seen it leave
    come()
crowd()
assert len(inside) == 3, len(inside)
'`, "memory", []string{"limit"}, "1M", "limit=3")
}

func TestIPWithNbdinfo(t *testing.T) {
	peer(t, "nbdinfo")
	for words, ok := range map[string]bool{
		"allow=anyunix deny=all": true, "deny=anyunix": false, "deny=anyipv4,anyipv6": true, "allow=127.0.0.1,::1 deny=any": false,
		fmt.Sprintf("allow=uid:%d deny=all", os.Getuid()): true, fmt.Sprintf("deny=uid:%d", os.Getuid()): false,
	} {
		run := `nbdinfo --size "$nbd"`
		if !ok {
			run = "! " + run
		}
		captive(t, run, "memory", []string{"ip"}, append(strings.Fields(words), "1M")...)
	}
}

// A disk that fails twice is reopened twice, and the client sees nothing of it.
func TestRetryOverAFailingDiskWithNbdsh(t *testing.T) {
	peer(t, "nbdsh")
	for _, filter := range []string{"retry", "retry-request"} {
		file := filepath.Join(t.TempDir(), "inject")
		t.Setenv("file", file)
		words := []string{"1M", "error-rate=1", "error-file=" + file}
		if filter == "retry" {
			words = append(words, "retry-delay=100ms", "retry-exponential=no", "retries=100")
		} else {
			words = append(words, "retry-request-delay=100ms", "retry-request-retries=100")
		}
		captive(t, `touch "$file"; { sleep 0.3; rm "$file"; } & nbdsh -u "$nbd" -c '
h.pwrite(b"x" * 512, 0)
assert h.pread(512, 0) == b"x" * 512
'; status=$?; wait; exit $status`, "memory", []string{filter, "error"}, words...)
	}
}

// A member is read and written by real clients, and GNU tar finds what was written.
func TestTarWithRealClients(t *testing.T) {
	peer(t, "nbdcopy", "tar", "cmp", "nbdinfo")
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.tar")
	script := `cd "$1" && head -c 3000000 /dev/urandom >disk && head -c 3000000 /dev/urandom >new && echo first >first && tar -cf a.tar first disk first`
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", script, "sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("a", dir)
	captive(t, `cd "$a" && nbdcopy "$nbd" out && cmp disk out && nbdcopy new "$nbd" && nbdinfo --map "$nbd" >/dev/null &&
		tar -xOf a.tar disk | cmp - new && tar -tf a.tar >/dev/null`, "file", []string{"tar"}, archive, "tar-entry=disk")
	captive(t, `! nbdinfo "$nbd" >/dev/null 2>&1`, "file", []string{"tar"}, archive, "tar-entry=nosuch")
}

// Knobs are turned while a client waits: a delay is taken away, then reads fail, then they do not.
func TestNbdshSeesKnobsTurned(t *testing.T) {
	peer(t, "nbdsh")
	s, dir := serve(t, `nbdsh -u "$nbd" -c '
import os
def step(name):
    open(os.environ["dir"] + "/" + name, "w").close()
    while not os.path.exists(os.environ["dir"] + "/" + name + ".go"):
        pass
c = h.aio_pread(nbd.Buffer(512), 0)
step("delayed")
while not h.aio_command_completed(c):
    h.poll(-1)
step("served")
try:
    h.pread(512, 0)
    assert False, "it did not fail"
except nbd.Error as e:
    assert e.errno == "ENOMEM", e.errno
step("failed")
h.pread(512, 0)
'`, "memory", []string{"delay", "error"}, "1M", "rdelay=3600")
	tune := func(after string, knobs ...[3]string) {
		for deadline := time.Now().Add(time.Minute); ; <-time.After(time.Millisecond) {
			if _, err := os.Stat(filepath.Join(dir, after)); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the client is not %s: %s", after, text(t, filepath.Join(dir, "stderr")))
			}
		}
		for _, k := range knobs {
			if err := s.Tune(k[0], k[1], k[2]); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, after+".go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tune("delayed", [3]string{"delay", "delay-read", "0"})
	tune("served", [3]string{"error", "error", "ENOMEM"}, [3]string{"error", "error-pread-rate", "1"})
	tune("failed", [3]string{"error", "error-rate", "0"})
	if code, err := s.Wait(); code != 0 {
		t.Errorf("status %d, %v: %s", code, err, text(t, filepath.Join(dir, "stderr")))
	}
}

// A delay inside pause is part of what is in flight, so P comes behind it; one outside keeps the request from coming in,
// so P comes at once, and the request is held when its delay is over.
func TestADrainWithDelayInsideAndOutsidePause(t *testing.T) {
	peer(t, "nbdsh")
	for _, filters := range [][]string{{"pause", "log", "delay"}, {"log", "delay", "pause"}} {
		inside := filters[0] == "pause"
		dir, err := os.MkdirTemp("", "f")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		control, log := filepath.Join(dir, "control"), filepath.Join(dir, "log")
		s, _ := serve(t, `nbdsh -u "$nbd" -c 'h.pread(512, 0)'`, "memory", filters, "1M", "rdelay=3600", "pause-control="+control, "logfile="+log)
		for deadline := time.Now().Add(time.Minute); ; <-time.After(time.Millisecond) {
			if strings.Contains(text(t, log), " Read ") { // it is in the delay, or about to be
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the client never reads")
			}
		}
		c, err := net.Dial("unix", control)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		answer := func(patience time.Duration) string {
			b := make([]byte, 1)
			c.SetReadDeadline(time.Now().Add(patience))
			n, _ := c.Read(b)
			return string(b[:n])
		}
		end := func() {
			if err := s.Tune("delay", "delay-read", "0"); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprint(c, "p")
		if inside {
			if got := answer(200 * time.Millisecond); got != "" {
				t.Errorf("%v: %q while a request is in flight", filters, got)
			}
			end()
		}
		if got := answer(time.Minute); got != "P" {
			t.Errorf("%v: %q, want P", filters, got)
		}
		if !inside {
			end()
			select {
			case <-s.Done():
				t.Errorf("%v: the request was served while the session was paused", filters)
			case <-time.After(200 * time.Millisecond):
			}
		}
		fmt.Fprint(c, "r")
		if got := answer(time.Minute); got != "R" && !inside {
			t.Errorf("%v: %q, want R", filters, got)
		}
		if code, err := s.Wait(); code != 0 {
			t.Errorf("%v: status %d, %v", filters, code, err)
		}
	}
}
