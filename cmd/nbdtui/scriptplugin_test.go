package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// What a script of nbdkit's is run for, and with what, is the same here, and so is what clients see of it.
func TestNbdkitRunsTheSameMethods(t *testing.T) {
	peer(t, "nbdkit", "nbdsh", "nbdinfo")
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(fullScript), 0o700); err != nil {
		t.Fatal(err)
	}
	client := withPython + `nbdsh --base-allocation -u "$uri" -c '` + tries + `
print(h.get_size(), h.is_read_only(), h.can_fua(), h.can_zero(), h.can_fast_zero(), h.can_trim(), h.can_flush(), h.can_cache(), h.is_rotational(), h.can_multi_conn())
print(h.get_block_size(nbd.SIZE_MINIMUM), h.get_block_size(nbd.SIZE_PREFERRED), h.get_block_size(nbd.SIZE_MAXIMUM))
for what in (
    lambda: h.pread(512, 0), lambda: h.pwrite(b"a" * 512, 512), lambda: h.pwrite(b"a" * 512, 512, nbd.CMD_FLAG_FUA),
    lambda: print(h.pread(1024, 0)), lambda: h.trim(512, 0), lambda: h.trim(512, 0, nbd.CMD_FLAG_FUA),
    lambda: h.zero(512, 512, nbd.CMD_FLAG_FUA | nbd.CMD_FLAG_FAST_ZERO), lambda: h.zero(512, 0, nbd.CMD_FLAG_NO_HOLE),
    lambda: h.flush(), lambda: h.cache(512, 0), lambda: h.block_status(4096, 0, lambda *a: print(a)),
    lambda: h.block_status(4096, 0, lambda *a: print(a), nbd.CMD_FLAG_REQ_ONE), lambda: h.pread(512, 1 << 19), lambda: h.pwrite(b"a" * 512, 1 << 19),
    lambda: h.zero(4096, 1 << 19)):
    print(tries(what))
' && nbdinfo "$uri" | grep -v uri:
nbdsh --opt-mode -c '
h.connect_unix("'$unixsocket'")
h.opt_list(lambda *a: print(a))
h.opt_abort()'`
	see := func(program string, options ...string) (clients, calls string) {
		t.Helper()
		log := filepath.Join(dir, "log")
		args := append(options, "-U", "-", "sh", script, "key=value", "bare", "--run", client)
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = append(os.Environ(), "log="+log, "TMPDIR="+tempDir(t))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
		said, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(log)
		return string(out), string(said)
	}
	for _, options := range [][]string{nil, {"-r"}} {
		wantClients, wantCalls := see("nbdkit", options...)
		clients, calls := see(program, options...)
		if diff := cmp.Diff(wantClients, clients); diff != "" {
			t.Errorf("clients see something else, with %v:\n%s", options, diff)
		}
		// INFO and GO of the same export open it once here. The description is always asked for, as it cannot be later.
		once := regexp.MustCompile(`close [^\n]*\nopen [^\n]*\n(?:(?:get_size|can_\w+|is_rotational|block_size) [^\n]*\n)+`)
		asked := regexp.MustCompile(`(?m)^export_description .*\n`)
		wantCalls = once.ReplaceAllString(wantCalls, "")
		wantCalls, calls = asked.ReplaceAllString(wantCalls, ""), asked.ReplaceAllString(calls, "")
		if diff := cmp.Diff(wantCalls, calls); diff != "" {
			t.Errorf("the script is run for something else, with %v:\n%s", options, diff)
		}
	}
}

// fullScript has every method, and notes what it is run for.
const fullScript = `#!/bin/sh
m=$1; shift
{ printf '%s' $m; for a; do printf ' [%s]' "$a"; done; echo; } >>$log
case $m in
get_ready) truncate -s 1M $tmpdir/disk ;;
load|unload|config|config_complete|after_fork|preconnect|close|flush|cache) ;;
magic_config_key) echo magic ;;
thread_model) echo serialize_requests ;;
list_exports) printf 'INTERLEAVED\none\nthe first\ntwo\nthe second\n' ;;
default_export) echo one ;;
open) echo "$@" ;;
export_description) echo "the export $1" ;;
get_size) echo 1M ;;
block_size) echo 512 4k 1M ;;
can_write|can_flush|can_trim|can_zero|can_extents|can_fast_zero|can_multi_conn|is_rotational) ;;
can_fua|can_cache) echo native ;;
pread) [ $3 -lt 524288 ] || { echo 'ENOSPC: no' >&2; exit 1; }; dd if=$tmpdir/disk skip=$3 count=$2 iflag=skip_bytes,count_bytes status=none ;;
pwrite) [ $3 -lt 524288 ] || { echo 'EPERM no' >&2; exit 1; }; dd of=$tmpdir/disk seek=$3 conv=notrunc oflag=seek_bytes status=none ;;
trim) ;;
zero) [ $3 -lt 524288 ] || { echo 'EOPNOTSUPP' >&2; exit 1; }; head -c $2 /dev/zero | dd of=$tmpdir/disk seek=$3 conv=notrunc oflag=seek_bytes status=none ;;
extents) echo "0 1k hole"; echo "1k 2k zero"; echo "3k 1k 3" ;;
*) exit 2 ;;
esac
`

// The examples of the manuals, as they stand but for the program's name.
func TestTheManualsScripts(t *testing.T) {
	peer(t, "nbdsh", "nbdcopy", "cmp")
	dir := t.TempDir()
	disk := image(t, 1)
	link(t, program, filepath.Join(dir, "nbdtui"))
	for name, line := range map[string]string{
		"nbdkit(1), sh": `nbdtui -U - sh - --run "$zeroes" <<'EOF'
   case "$1" in
     get_size) echo 1M ;;
     pread) dd if=/dev/zero count=$3 iflag=count_bytes ;;
     *) exit 2 ;;
   esac
EOF`,
		"nbdkit(1), eval": `nbdtui -U - eval get_size='echo 1M' \
	              pread='dd if=/dev/zero count=$3 iflag=count_bytes' --run "$zeroes"`,
		"nbdkit-eval-plugin(1), zeroes": `size=64M nbdtui -U - eval get_size=' echo 64M ' \
	               pread=' dd if=/dev/zero count=$3 iflag=count_bytes ' --run 'test $(nbdinfo --size "$nbd") = 67108864'`,
		"nbdkit-eval-plugin(1), file": `cp "$disk" disk.img
	nbdtui -U - eval \
	  config='ln -sf "$(realpath "$3")" $tmpdir/file' \
	  get_size='stat -Lc %s $tmpdir/file' \
	  pread='dd if=$tmpdir/file skip=$4 count=$3 iflag=count_bytes,skip_bytes' \
	  pwrite='dd of=$tmpdir/file seek=$4 conv=notrunc oflag=seek_bytes' \
	  file=disk.img --run 'nbdcopy "$nbd" out && cmp out "$disk" && head -c 1M /dev/urandom >new && nbdcopy new "$nbd" && cmp new disk.img'`,
		"nbdkit-loop(1), bad sector": `cat >bad-sector.sh <<'EOF'
#!/bin/bash -
case "$1" in
    thread_model) echo parallel ;;
    get_size) echo 64M ;;
    pread)
        # Fail if sector 100000 is read.
        if [ $4 -le $((100000*512)) -a $(( $4+$3 )) -gt $((100000*512)) ]; then
            echo EIO Bad block >&2
            exit 1
        else
            dd if=/dev/zero count=$3 iflag=count_bytes
        fi
        ;;
    *) exit 2 ;;
esac
EOF
	chmod +x bad-sector.sh
	nbdtui -U - sh ./bad-sector.sh --run 'nbdsh -u "$nbd" -c "$bad"' 2>/dev/null`,
		"nbdkit-sh-plugin(3), handles": `nbdtui -U - sh - --run 'nbdsh -u "$nbd" -c "h.pread(512, 0)"' <<'EOF'
	case "$1" in
	  get_size) echo 1M ;;
	  pread) test -d "$2" && dd if=/dev/zero count=$3 iflag=count_bytes ;;
	  open)
	    mktemp -d $tmpdir/handle-XXXXXX ;;
	  close)
	    rm -rf "$2" ;;
	  *) exit 2 ;;
	esac
EOF`,
		"nbdkit-probing(1)": `nbdtui --dump-plugin sh | grep -q '^max_known_status=8$' && nbdtui eval --dump-plugin | grep -q '^max_known_status=8$'`,
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", line)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "TMPDIR="+tempDir(t), "disk="+disk, "PATH="+dir+":/usr/bin:"+os.Getenv("PATH"),
				`zeroes=nbdsh -u "$nbd" -c 'assert h.pread(1 << 20, 0) == bytes(1 << 20)'`,
				"bad="+tries+`
assert tries(lambda: h.pread(512, 0)) == "done"
assert tries(lambda: h.pread(512, 99999 * 512)) == "done"
assert tries(lambda: h.pread(512, 100000 * 512)) == "EIO"
assert tries(lambda: h.pread(1 << 20, 99999 * 512)) == "EIO"
`)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func link(t *testing.T, from, to string) {
	t.Helper()
	from, err := filepath.Abs(from)
	if err == nil {
		err = os.Symlink(from, to)
	}
	if err != nil {
		t.Fatal(err)
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
	x.shows("RUNNING")
	if made, _ := filepath.Glob(temp + "/nbdtui.*/f"); len(made) != 1 {
		t.Errorf("there is %v", made)
	}
	x.cmd.Process.Kill()
	x.wait()
}

// The examples of the manuals with disks in memory and in files.
func TestTheManualsDisks(t *testing.T) {
	peer(t, "nbdsh", "nbdcopy", "nbdinfo", "qemu-img", "cmp")
	dir := t.TempDir()
	link(t, program, filepath.Join(dir, "nbdtui"))
	disk := image(t, 4)
	for name, line := range map[string]string{
		"nbdkit-memory-plugin(1), sparse":  `nbdtui -U sock memory 1G --run 'test $(nbdinfo --size "$nbd") = 1073741824'`,
		"nbdkit-memory-plugin(1), largest": `nbdtui -U sock memory $(( 2**63 - 1 )) --run 'test $(nbdinfo --size "$nbd") = 9223372036854775807'`,
		"nbdkit-memory-plugin(1), preload": `rm -f pid
	nbdtui -P pid -U sock memory 10G & server=$!
	while [ ! -f pid ]; do sleep 0.01; done
	qemu-img convert -p -n disk.img 'nbd+unix://?socket=sock' && nbdcopy -p disk.img 'nbd+unix://?socket=sock' &&
		nbdcopy 'nbd+unix://?socket=sock' - | head -c 4M | cmp - disk.img; status=$?
	kill $server; wait $server; exit $status`,
		"nbdkit-memory-plugin(1), malloc": `nbdtui -U - memory 64M allocator=malloc --run 'nbdcopy disk.img "$nbd" && nbdcopy "$nbd" - | head -c 4M | cmp - disk.img' &&
		nbdtui -U - memory 1M allocator=malloc,mlock=true --run 'nbdsh -u "$nbd" -c "h.pwrite(bytes(512), 0)"'`,
		"nbdkit-memory-plugin(1), zstd":       `nbdtui -U - memory 64M allocator=zstd --run 'nbdcopy disk.img "$nbd" && nbdcopy "$nbd" - | head -c 4M | cmp - disk.img'`,
		"nbdkit-memory-plugin(1), probing":    `nbdtui memory --dump-plugin | grep mlock=yes && nbdtui memory --dump-plugin | grep zstd=yes`,
		"nbdkit-file-plugin(1), random":       `nbdtui -U - file disk.img fadvise=random --run 'nbdcopy "$nbd" - | cmp - disk.img'`,
		"nbdkit-file-plugin(1), sequential":   `nbdtui -U - file disk.img fadvise=sequential --run 'nbdcopy "$nbd" - | cmp - disk.img'`,
		"nbdkit-file-plugin(1), evicting":     `nbdtui -U - file disk.img fadvise=sequential cache=none --run 'nbdcopy "$nbd" - | cmp - disk.img'`,
		"nbdkit-file-plugin(1), directory":    `mkdir d && cp disk.img d && nbdtui -U - file dir=d -e disk.img --run 'nbdcopy "$nbd" - | cmp - disk.img && nbdinfo --list "$nbd" | grep disk.img'`,
		"nbdkit-file-plugin(1), descriptor":   `nbdtui -U - file fd=7 --run 'nbdcopy "$nbd" - | cmp - disk.img' 7<>disk.img && nbdtui -U - file dirfd=7 -e disk.img --run 'nbdcopy "$nbd" - | cmp - disk.img' 7<.`,
		"nbdkit-file-plugin(1), old delays":   `! nbdtui -U - file disk.img rdelay=1 --run true && nbdtui -U - file disk.img --filter=delay rdelay=1ms --run true`,
		"nbdkit-file-plugin(1), probing":      `nbdtui file --dump-plugin | grep file_falloc_fl_punch_hole=yes`,
		"nbdkit-captive(1), nbdsh":            `nbdtui -U - memory 1 --run 'nbdsh -u "$uri" -c "print(h.pread(1, 0))"'`,
		"nbdkit-captive(1), copying a disk":   `nbdtui -U - example1 --run 'qemu-img convert $nbd disk.img' && test $(stat -c %s disk.img) = 104857600`,
		"nbdkit-captive(1), exit with parent": `nbdtui --exit-with-parent --version`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "/bin/bash", "-c", line)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "TMPDIR="+tempDir(t), "PATH="+dir+":/usr/bin:"+os.Getenv("PATH"))
			b, err := os.ReadFile(disk)
			if err == nil {
				err = os.WriteFile(filepath.Join(cmd.Dir, "disk.img"), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// Pieces of script, right and wrong, and what a client of nbdkit's sees of them.
func TestNbdkitServesTheSameOfAScript(t *testing.T) {
	peer(t, "nbdkit", "nbdsh")
	client := withPython + `uri=$nbd nbdsh --base-allocation -c '` + tries + `
import os
def connects():
    h.connect_uri(os.environ["uri"])
print(tries(connects) == "done")
if h.aio_is_ready():
    print(h.get_size(), h.is_read_only(), h.can_fua(), h.can_zero(), h.can_fast_zero(), h.can_trim(), h.can_flush(), h.can_cache(), h.is_rotational(), h.can_multi_conn())
    for what in (
        lambda: print(h.pread(5, 0)), lambda: h.pread(5, 0, nbd.CMD_FLAG_DF), lambda: h.pwrite(b"a" * 512, 512), lambda: h.pwrite(b"a" * 100000, 512, nbd.CMD_FLAG_FUA),
        lambda: h.trim(512, 0), lambda: h.trim(512, 0, nbd.CMD_FLAG_FUA), lambda: h.zero(512, 512, nbd.CMD_FLAG_FAST_ZERO),
        lambda: h.zero(512, 0, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA), lambda: h.flush(), lambda: h.cache(512, 0),
        lambda: h.block_status(1 << 20, 0, lambda *a: print(a)), lambda: h.block_status(4096, 512, lambda *a: print(a), nbd.CMD_FLAG_REQ_ONE)):
        print(tries(what))
'`
	base := []string{"get_size=echo 1M", "pread=printf 12345", "pwrite=cat >/dev/null"}
	cases := [][]string{
		{"close=:"}, {"-r"}, {"flush=:"}, {"trim=:"}, {"zero=:"}, {"extents=echo 0 1M"}, {"cache=:"}, {"can_cache=echo emulate"}, {"is_rotational=:"}, {"can_multi_conn=:"},
		{"can_write=exit 3"}, {"can_write=exit 2"}, {"can_write=exit 1"}, {"can_trim=:", "trim=exit 2"}, {"can_flush=:", "flush=exit 2"},
		{"zero=echo ENOTSUP >&2; exit 1"}, {"zero=echo eopnotsupp slow >&2; exit 1"}, {"zero=exit 1"}, {"zero=:", "can_fast_zero=:"}, {"can_fast_zero=exit 3"},
		{"zero=case $5 in *fast*) echo ENOTSUP >&2; exit 1; esac", "can_fast_zero=:"},
		{"can_fua=echo native"}, {"can_fua=echo emulate", "flush=:"}, {"can_fua=echo none", "flush=:"}, {"can_fua=echo maybe"}, {"can_fua=exit 1"}, {"can_cache=exit 3"},
		{"flush=exit 1"}, {"flush=echo ENOSPC >&2; exit 1"}, {"trim=echo EPERM >&2; exit 1"}, {"cache=exit 1"}, {"cache=exit 3"}, {"pwrite=exit 3"}, {"pwrite=kill -9 $$"},
		{"pread=printf 1234"}, {"pread=printf 123456"}, {"pread=exit 2"}, {"pread=exit 3"}, {"pread=kill $$"}, {"pread=exit 255"}, {"pread=printf 12345; exit 1"},
		{"open=echo a b c"}, {"open=exit 1"}, {"open=exit 2"}, {"open=exit 3"}, {"close=exit 1"}, {"preconnect=exit 1"}, {"preconnect=exit 3"}, {"preconnect=exit 2"},
		{"open=printf 'x\\n\\n'", "pread=printf %s \"$2\" | wc -c | tr -d '\\n' | head -c 1; printf 1234"}, {"pread=printf '%-5.5s' \"$2\""},
		{"get_size="}, {"get_size=echo x"}, {"get_size=exit 1"}, {"get_size=echo 0"}, {"get_size=printf ' 2k'"}, {"get_size=echo 10s"}, {"get_size=exit 2"},
		{"default_export=echo other", "open=test $3 = other && echo $3"}, {"default_export=exit 1"}, {"list_exports=exit 1"},
		{"thread_model=echo parallel"}, {"thread_model=echo what"}, {"missing=exit 3"}, {"missing=exit 1"}, {"missing=:"},
		{"extents=echo 0 4k 3"}, {"extents=echo 0 1k hole; echo 1k 1M zero"}, {"extents=echo 0 4k 0x1"}, {"extents=echo 0"}, {"extents=:"}, {"extents=echo 512 4k"},
		{"extents=echo 0 1k; echo 512 1k"}, {"extents=echo 0 1k; echo 2k 1k"}, {"extents=echo 0 0; echo 0 1M hole,zero"}, {"extents=exit 1"}, {"extents=exit 3"},
		{"extents=echo $4 $3 $5"}, {"block_size=echo 1 4k 64k"}, {"block_size=echo 1 4k"}, {"block_size=echo 3 4k 64k"}, {"block_size=exit 1"},
	}
	for _, name := range []string{"EPERM", "EIO", "ENOMEM", "EINVAL", "ENOSPC", "EOVERFLOW", "ESHUTDOWN", "ENOTSUP", "EOPNOTSUPP", "EROFS", "EDQUOT", "EFBIG", "ENOENT", "EPERM:", "eperm", "EPERMX", ""} {
		cases = append(cases, []string{"pread=echo '" + name + " told' >&2; exit 1"})
	}
	for _, c := range cases {
		t.Run(strings.Join(c, " "), func(t *testing.T) {
			t.Parallel()
			see := func(program string) string {
				args := []string{"-U", "-", "eval"}
				for _, b := range base {
					key, _, _ := strings.Cut(b, "=")
					if !slices.ContainsFunc(c, func(word string) bool { return strings.HasPrefix(word, key+"=") }) {
						args = append(args, b)
					}
				}
				cmd := exec.CommandContext(t.Context(), program, append(append(args, c...), "--run", client)...)
				cmd.Env = append(os.Environ(), "TMPDIR="+tempDir(t))
				out, err := cmd.Output()
				if fails := c[0] == "missing=exit 1" || c[0] == "missing=exit 3"; fails != (err != nil) { // what is missing is asked for at the start
					t.Fatalf("%s: %v", program, err)
				}
				return string(out)
			}
			if diff := cmp.Diff(see("nbdkit"), see(program)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
