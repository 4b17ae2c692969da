package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a script of nbdkit's is run for, and with what, is the same here, and so is what clients see of it.
func TestNbdkitRunsTheSameMethods(t *testing.T) {
	peer(t, "nbdkit", "nbdsh", "nbdinfo")
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(fullScript), 0o700); err != nil {
		t.Fatal(err)
	}
	// One client's end is in the log before the next one begins.
	client := withPython + `closed() { until tail -n 1 $log | grep -q ^close; do sleep 0.01; done; }
nbdsh --base-allocation -u "$uri" -c '` + tries + `
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
' && closed && nbdinfo "$uri" | grep -v uri: && closed
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
pwrite) [ $3 -lt 524288 ] || { cat >/dev/null; echo 'EPERM no' >&2; exit 1; }; dd of=$tmpdir/disk seek=$3 conv=notrunc oflag=seek_bytes status=none ;;
trim) ;;
zero) [ $3 -lt 524288 ] || { echo 'EOPNOTSUPP' >&2; exit 1; }; head -c $2 /dev/zero | dd of=$tmpdir/disk seek=$3 conv=notrunc oflag=seek_bytes status=none ;;
extents) echo "0 1k hole"; echo "1k 2k zero"; echo "3k 1k 3" ;;
*) exit 2 ;;
esac
`

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
