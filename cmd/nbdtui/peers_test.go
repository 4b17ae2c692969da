package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Real clients against the real program: each script reads and writes the disk at $nbd and fails where anything is
// wrong. It runs as the captive, so its output and status are the program's.
var clients = []struct {
	name  string
	needs []string
	run   string
}{
	{"nbdinfo", []string{"nbdinfo"}, `nbdinfo "$nbd" && nbdinfo --json "$nbd" && nbdinfo --map "$nbd" && nbdinfo --list "$nbd" &&
		test "$(nbdinfo --size "$nbd")" = 67108864 && nbdinfo --can write "$nbd" && nbdinfo --can multi-conn "$nbd"`},
	{"nbdcopy", []string{"nbdcopy"}, `head -c 64M /dev/urandom >"$dir/a" && nbdcopy "$dir/a" "$nbd" && nbdcopy "$nbd" "$dir/b" && cmp "$dir/a" "$dir/b"`},
	{"nbdsh", []string{"nbdsh"}, `PATH=/usr/bin:$PATH nbdsh --base-allocation -u "$nbd" -c '
h.pwrite(b"\xa5" * 65536, 65536, nbd.CMD_FLAG_FUA)
assert h.pread(65536, 65536) == b"\xa5" * 65536
h.zero(4096, 65536, nbd.CMD_FLAG_NO_HOLE)
assert h.pread(8192, 65536) == bytes(4096) + b"\xa5" * 4096
h.trim(1 << 20, 1 << 20)
h.cache(65536, 0)
h.flush()
seen = []
h.block_status(64 << 20, 0, lambda context, offset, extents, err: seen.extend(extents))
assert sum(seen[::2]) == 64 << 20, seen
for wrong in (lambda: h.pread(1, 64 << 20), lambda: h.pwrite(b"x", 64 << 20)):
    try:
        wrong()
        assert False, "past the end"
    except nbd.Error:
        pass
'`},
	{"qemu-io", []string{"qemu-io"}, `qemu-io -f raw -c 'write -P 0x5a 1M 4M' -c 'write -z 2M 1M' -c 'write -zu 3M 512k' -c 'discard 4M 512k' \
		-c flush -c 'read -P 0x5a 1M 1M' -c 'read -P 0 2M 1536k' -c 'aio_write -P 0x77 8M 2M' -c aio_flush -c 'read -P 0x77 8M 2M' "$nbd" >"$dir/log" &&
		! grep -i -e fail -e error "$dir/log"`},
	{"qemu-img", []string{"qemu-img"}, `head -c 64M /dev/urandom >"$dir/a" && qemu-img convert -n -f raw -O raw "$dir/a" "$nbd" &&
		qemu-img compare -f raw -F raw "$dir/a" "$nbd" && qemu-img map -f raw "$nbd" && qemu-img info -f raw "$nbd"`},
	{"fio", []string{"fio"}, `cd "$dir" && fio --name=verify --ioengine=nbd --uri="$nbd" --rw=randwrite --bs=16k --iodepth=16 --size=64M \
		--verify=crc32c --verify_fatal=1 >"$dir/log" 2>&1 || { cat "$dir/log"; false; }`},
}

func TestClientsOverEverySocket(t *testing.T) {
	for _, c := range clients {
		for _, plugin := range []string{"file", "memory"} {
			for _, socket := range [][]string{nil, {"-p", "0"}} {
				where := "unix"
				if socket != nil {
					where = "tcp"
				}
				t.Run(strings.Join([]string{c.name, plugin, where}, "/"), func(t *testing.T) {
					t.Parallel()
					peer(t, c.needs...)
					dir := t.TempDir()
					disk := "64M"
					if plugin == "file" {
						disk = filepath.Join(dir, "disk")
						if err := os.WriteFile(disk, nil, 0o600); err != nil {
							t.Fatal(err)
						}
						if err := os.Truncate(disk, 64<<20); err != nil {
							t.Fatal(err)
						}
					}
					args := append(socket, plugin, disk, "--run", "dir="+dir+"; "+c.run)
					if r := quiet(t, args...); r.code != 0 {
						t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
					}
				})
			}
		}
	}
}

// Several fio jobs, each with connections and a part of the disk of its own, verify what they wrote.
func TestSeveralWritersVerify(t *testing.T) {
	peer(t, "fio")
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(disk, 128<<20); err != nil {
		t.Fatal(err)
	}
	for plugin, size := range map[string]string{"file": disk, "memory": "128M"} {
		r := quiet(t, plugin, size, "--run", `cd `+dir+` && fio --name=verify --ioengine=nbd --uri="$nbd" --numjobs=4 \
			--rw=randwrite --bs=4k --iodepth=32 --size=32M --offset_increment=32M --verify=crc32c --verify_fatal=1 --group_reporting`)
		if r.code != 0 || strings.Contains(r.stdout, "verify: bad") {
			t.Errorf("%s: status %d\n%s%s", plugin, r.code, r.stdout, r.stderr)
		}
	}
}

// A disk that fails is told of, once a second at most, and the client gets an error.
func TestAFailedReadIsTold(t *testing.T) {
	peer(t, "nbdsh")
	disk := image(t, 1)
	r := quiet(t, "file", disk, "--run", `PATH=/usr/bin:$PATH nbdsh -u "$nbd" -c '
import os
os.truncate("`+disk+`", 0)
for i in range(50):
    try:
        h.pread(4096, 4096 * i)
        assert False, "bytes that are not there"
    except nbd.Error as e:
        assert e.errno == "EIO", e.errno
'`)
	if r.code != 0 || strings.Count(r.stderr, "\n") > 10 || !strings.HasPrefix(r.stderr, "nbdtui: error: client 1 (unix pid ") ||
		!strings.Contains(r.stderr, "read of 4096 bytes at 0: ") {
		t.Errorf("status %d, %q", r.code, r.stderr)
	}
}
