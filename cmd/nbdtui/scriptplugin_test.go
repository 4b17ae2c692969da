package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// withPython puts a Python that has libnbd's shell first in a captive's PATH.
const withPython = `PATH=/usr/bin:$PATH; `

// tries is a Python function that says how a request ended.
const tries = `
def tries(what):
    try:
        what()
        return "done"
    except nbd.Error as e:
        return e.errno
`

// Exit statuses 4 to 8 end the session or the client's connection, as a client sees it.
func TestStatusesThatEndAClientWithNbdsh(t *testing.T) {
	peer(t, "nbdsh")
	for status, want := range map[string]string{
		"4": `first == "done" and second in ("ENOTCONN", "ECONNRESET", "ESHUTDOWN") and not other`,
		"5": `first == "ESHUTDOWN" and second in ("ENOTCONN", "ECONNRESET", "ESHUTDOWN") and not other`,
		"6": `first == "ENOTCONN" and not h.aio_is_ready() and other`,
		"7": `first == "done" and second == "ESHUTDOWN" and other`,
		"8": `first == "ESHUTDOWN" and second == "ESHUTDOWN" and other`,
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			r := quiet(t, "eval", "get_size=echo 1M", "pread=head -c $3 /dev/zero", "pwrite=cat >/dev/null; exit "+status, "--run", withPython+`
socket=$unixsocket nbdsh -u "$nbd" -c '`+tries+`
import os
first = tries(lambda: h.pwrite(bytes(512), 0))
second = "done"
while second == "done": # the server goes in its own time
    second = tries(lambda: h.pread(512, 0))
socket = os.environ["socket"]
while `+status+` < 6 and os.path.exists(socket):
    pass
def connects():
    two = nbd.NBD()
    two.connect_unix(socket)
    return two.pread(512, 0)
other = tries(connects) == "done"
assert `+want+`, (first, second, other)
'`)
			if r.code != 0 {
				t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}

// The soft disconnect lets requests that are under way finish, the hard one does not.
func TestOthersUnderADisconnectWithNbdsh(t *testing.T) {
	peer(t, "nbdsh")
	for status, want := range map[string]string{"7": "done", "6": "ENOTCONN"} {
		let := filepath.Join(t.TempDir(), "go")
		r := quiet(t, "eval", "thread_model=echo parallel", "get_size=echo 1M", "pread=touch "+let+"; while test -e "+let+"; do sleep 0.01; done; head -c $3 /dev/zero",
			"pwrite=while ! test -e "+let+"; do sleep 0.01; done; cat >/dev/null; exit "+status, "--run", withPython+`nbdsh -u "$nbd" -c '`+tries+`
import os
b = nbd.Buffer(512)
slow = h.aio_pread(b, 0)
tries(lambda: h.pwrite(bytes(512), 0))
os.remove("`+let+`")
def finish():
    while not h.aio_command_completed(slow):
        h.poll(-1)
assert tries(finish) == "`+want+`", tries(finish)
'`)
		if r.code != 0 {
			t.Errorf("%s: status %d\n%s%s", status, r.code, r.stdout, r.stderr)
		}
	}
}

// A disk that fails twice is reopened twice; each request fails twice in its own time.
func TestRetryOverAScriptThatFailsTwice(t *testing.T) {
	peer(t, "nbdsh")
	for _, c := range []struct{ filter, words, opened string }{
		{"retry", "retry-delay=10ms", "3"},
		{"retry-request", "retry-request-delay=10ms", "1"},
	} {
		dir := t.TempDir()
		r := quiet(t, "--filter="+c.filter, "eval", c.words, "get_size=echo 1M", "open=echo >>"+dir+"/opened",
			"pread=echo >>"+dir+"/read; test $(wc -l <"+dir+"/read) -gt 2 || { echo EIO not yet >&2; exit 1; }; head -c $3 /dev/zero | tr '\\0' x",
			"--run", withPython+`nbdsh -u "$nbd" -c 'assert h.pread(512, 0) == b"x" * 512' && test $(wc -l <`+dir+`/read) = 3 && test $(wc -l <`+dir+`/opened) = `+c.opened)
		if r.code != 0 {
			opened, _ := os.ReadFile(dir + "/opened")
			t.Errorf("%s: status %d, opened %d times\n%s%s", c.filter, r.code, len(opened), r.stdout, r.stderr)
		}
	}
}

// A script that hangs ends with its client, however that goes, and with all that it started.
func TestAHungScriptEndsWithItsClientOrTheSession(t *testing.T) {
	peer(t, "nbdsh")
	for name, how := range map[string]string{
		"killed client": "kill -9 $client",
		"shutdown":      "kill -TERM $PPID",
		"disconnect":    "touch $dir/go",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "pids")
			cmd, stdout, stderr := command(t, "eval", "thread_model=echo parallel", "get_size=echo 1M", "pread="+lasting(file),
				"pwrite=while ! test -e "+dir+"/go; do sleep 0.01; done; exit 6", "--run", withPython+"dir="+dir+`
nbdsh -u "$nbd" -c '
h.aio_pread(nbd.Buffer(512), 0)
h.pwrite(bytes(512), 0)' 2>/dev/null & client=$!
while ! test -e `+file+`; do sleep 0.01; done
`+how+`
wait
for pid in $(cat `+file+`); do while kill -0 $pid 2>/dev/null; do sleep 0.01; done; done`)
			cmd.Args = append(cmd.Args[:1:1], append([]string{"--grace=1s"}, cmd.Args[1:]...)...)
			cmd.Run()
			for _, pid := range pids(t, file, 2) {
				gone(t, name, pid)
			}
			if name != "shutdown" && status(cmd) != 0 {
				t.Errorf("status %d\n%s%s", status(cmd), stdout, stderr)
			}
		})
	}
}

// A configuration that fails is told in one line and a hint, and leaves nothing behind (see tempDir).
func TestAScriptThatCannotBeConfigured(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"sh":                         "script= must be given",
		"sh key=value":               "the first parameter must be the script",
		"sh " + plain:                "may not be executed",
		"sh /nonexistent":            "no such file",
		"-s sh -":                    "standard input",
		"sh -":                       "no script on standard input",
		"eval foo=1":                 "no such method",
		"eval foo":                   "takes no bare value",
		"eval open=: open=:":         "twice",
		"eval get_ready=false":       "get_ready: it failed without a word",
		"eval after_fork=false -p 0": "after_fork: it failed without a word",
		"eval config_complete=false --filter=tar tar-entry=x": "config_complete",
		"eval config=false a=b":                               "a=b: config: it failed",
		"eval open=: nosuch.key=1":                            "no such method",
		"eval open=: --filter=error error=x":                  "error",
		"eval open=: --filter=tar":                            "tar-entry= must be given",
		"eval open=: -U /nonexistent/dir/s":                   "bind socket",
	} {
		cmd, stdout, stderr := command(t, strings.Fields(line)...)
		cmd.Run()
		if status(cmd) != 1 || !strings.HasPrefix(stderr.String(), "nbdtui: error: ") || !strings.Contains(stderr.String(), want) || strings.Count(stderr.String(), "\n") > 2 {
			t.Errorf("%s: status %d, %s%s, want %q", line, status(cmd), stdout, stderr, want)
		}
	}
}

// What a process that was killed leaves behind, the next one removes.
func TestAKilledSessionsDirectoryIsSwept(t *testing.T) {
	temp := tempDir(t)
	run := func(args ...string) *exec.Cmd {
		cmd, _, _ := command(t, args...)
		cmd.Env = append(cmd.Env, "TMPDIR="+temp)
		cmd.Run()
		return cmd
	}
	killed := run("eval", "get_ready=touch $tmpdir/f; kill -9 $PPID; sleep 0.1")
	if left, _ := filepath.Glob(temp + "/*"); len(left) != 1 || killed.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v, left %v", killed.ProcessState, left)
	}
	if next := run("eval", "get_size=echo 1M", "--run", "true"); status(next) != 0 {
		t.Errorf("status %d", status(next))
	}
}

func TestDumpPluginOfAScript(t *testing.T) {
	for line, want := range map[string]string{
		"sh":                              "thread_model=parallel\n",
		"eval":                            "max_known_status=8\n",
		"eval thread_model=echo,parallel": "\nthread_model=parallel\n",
		"eval open=:":                     "\nthread_model=serialize_all_requests\n",
		"eval thread_model=echo,serialize_connections dump_plugin=echo,own=1": "\nown=1\n",
	} {
		args := strings.Fields("--dump-plugin " + line)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], ",", " ")
		}
		if r := quiet(t, args...); r.code != 0 || !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, "\nmax_thread_model=parallel\n") {
			t.Errorf("%s: status %d, %s%s", line, r.code, r.stdout, r.stderr)
		}
	}
}

// Before there is a session a signal ends the script that hangs, and the start takes back what it has done.
func TestASignalEndsAScriptThatHangsAtTheStart(t *testing.T) {
	for _, method := range []string{"config", "config_complete", "thread_model", "get_ready", "after_fork"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pids")
			cmd, stdout, stderr := command(t, "eval", method+"="+lasting(file), "key=value", "--run", "true")
			if method != "config" {
				cmd.Args = append(cmd.Args[:2:2], append([]string{"config=:"}, cmd.Args[2:]...)...)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			list := pids(t, file, 2)
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
			if status(cmd) != 1 || !strings.Contains(stderr.String(), "interrupted") {
				t.Errorf("status %d, %s%s", status(cmd), stdout, stderr)
			}
			for _, pid := range list {
				gone(t, method, pid)
			}
		})
	}
}

// Who is asked for a script may change their mind.
func TestASignalEndsTheWaitForAScript(t *testing.T) {
	t.Parallel()
	cmd, stdout, stderr := command(t, "sh", "-", "--run", "true")
	typing, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := typing.Write(make([]byte, 1<<20)); err != nil { // more than a pipe holds: it is being read
		t.Fatal(err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if status(cmd) != 128+15 {
		t.Errorf("status %d, %s%s", status(cmd), stdout, stderr)
	}
}

// A script whose unload hangs holds up nobody for ever.
func TestAHungUnloadEndsToo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pids")
	if r := quiet(t, "eval", "get_size=echo 1M", "unload="+lasting(file), "--run", "exit 3"); r.code != 3 {
		t.Errorf("status %d, %s", r.code, r.stderr)
	}
	for _, pid := range pids(t, file, 2) {
		gone(t, "unload", pid)
	}
}

// A script runs once at a time, or as often at once as it says. It notes when two of it are there at the same time.
func TestThreadModelsWithNbdsh(t *testing.T) {
	peer(t, "nbdsh")
	for model, want := range map[string]string{
		"":                       "alone alone",
		"serialize_all_requests": "alone alone",
		"serialize_requests":     "alone together",
		"parallel":               "together together",
	} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			words := []string{"eval", "get_size=echo 1M",
				// Who finds no other one waits for one, for a while; who comes and finds one tells it.
				"pread=cd " + dir + ` || exit 1
if mkdir here 2>/dev/null; then
	n=0; while test $n -lt 30 && ! test -e met; do sleep 0.01; n=$((n + 1)); done
	rmdir here
else
	touch met
fi
head -c $3 /dev/zero`}
			if model != "" {
				words = append(words, "thread_model=echo "+model)
			}
			r := quiet(t, append(words, "--run", withPython+`uri=$nbd dir=`+dir+` nbdsh -c '
import os
def meet(clients):
    waiting = []
    for h in clients:
        b = nbd.Buffer(512)
        waiting.append((h, b, h.aio_pread(b, 0)))
    for h, b, cookie in waiting:
        while not h.aio_command_completed(cookie):
            h.poll(-1)
    met = os.path.exists(os.environ["dir"] + "/met")
    if met:
        os.remove(os.environ["dir"] + "/met")
    return "together" if met else "alone"
clients = []
for i in range(2):
    h = nbd.NBD()
    h.connect_uri(os.environ["uri"])
    clients.append(h)
print(meet([clients[0], clients[0]]), meet(clients))
'`)...)
			if r.code != 0 || strings.TrimSpace(r.stdout) != want {
				t.Errorf("status %d, %s%s, want %s", r.code, r.stdout, r.stderr, want)
			}
		})
	}
}

// A dashboard that is killed leaves no directory of a script: its guard removes it (see tempDir).
func TestAKilledDashboardLeavesNoDirectory(t *testing.T) {
	temp := tempDir(t)
	x := inTerminalWith(t, []string{"TMPDIR=" + temp}, 80, 24, "eval", "get_ready=touch $tmpdir/f", "get_size=echo 1M", "--run", "sleep 600")
	x.Shows("RUNNING")
	if made, _ := filepath.Glob(temp + "/nbdtui.*/f"); len(made) != 1 {
		t.Errorf("there is %v", made)
	}
	x.Cmd.Process.Kill()
	x.Wait()
}

// A script that fails is told of in one line, whatever it was run for; the client gets an error, and the server lives on.
func TestAScriptsFailureIsTold(t *testing.T) {
	peer(t, "nbdinfo")
	for word, want := range map[string]string{
		"get_size=echo many":                     `did not get export "": get_size: it printed "many\n": not a size`,
		"can_write=echo EIO no idea >&2; exit 1": `did not get export "": can_write: no idea (input/output error)`,
		"pread=echo ENOSPC gone >&2; exit 1":     `read of 8192 bytes at 0: pread: gone (no space left on device)`,
	} {
		words := []string{"eval", word}
		if !strings.HasPrefix(word, "get_size") {
			words = append(words, "get_size=echo 1M")
		}
		r := quiet(t, append(words, "--run", `nbdinfo "$nbd" >/dev/null 2>&1; nbdinfo --size "$nbd" 2>/dev/null; true`)...)
		lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
		if r.code != 0 || !strings.HasPrefix(lines[0], "nbdtui: error: client 1 ") || !strings.Contains(lines[0], want) || len(lines) > 3 { // INFO and GO of one client, and the other one
			t.Errorf("%s: status %d, %q, want %q", word, r.code, r.stderr, want)
		}
	}
}
