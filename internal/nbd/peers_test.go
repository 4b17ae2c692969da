package nbd_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/nbdtui/internal/nbd"
)

// peer finds a program of somebody else's. Where tests must be complete, a missing one is a failure.
func peer(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} { // nbdsh wants the system's python, nbd-client is an administrator's
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// run runs a peer and returns what it printed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peer(t, name), args...)
	cmd.Env = append(os.Environ(), "PATH=/usr/bin:"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("no %s in:\n%s", w, text)
		}
	}
}

// fill puts random data and holes on the disk.
func (h *house) fill() []byte {
	random := rand.NewChaCha8([32]byte{1})
	for off := 0; off < len(h.disk.data); off += 256 << 10 {
		if off/(256<<10)%3 != 1 {
			b := make([]byte, 200_001)
			random.Read(b)
			h.disk.WriteAt(b, int64(off))
		}
	}
	return h.disk.bytes()
}

func TestNbdinfoTellsWhatTheExportCanDo(t *testing.T) {
	h := newHouse(t)
	for _, uri := range []string{h.uri(), "nbd://" + h.tcp + "/disk"} {
		contains(t, run(t, "nbdinfo", "--json", uri),
			`"protocol": "newstyle-fixed"`, `"structured": true`, `"export-size": 8388608`, `"base:allocation"`,
			`"is_read_only": false`, `"can_cache": true`, `"can_df": true`, `"can_fast_zero": true`,
			`"can_flush": true`, `"can_fua": true`, `"can_multi_conn": true`, `"can_trim": true`, `"can_zero": true`,
			`"block_size_minimum": 1`, `"block_size_preferred": 4096`, `"block_size_maximum": 67108864`)
	}
	for _, can := range []string{"cache", "df", "fast-zero", "flush", "fua", "multi-conn", "read", "structured", "trim", "write", "zero"} {
		run(t, "nbdinfo", "--can", can, h.uri())
	}
	contains(t, run(t, "nbdinfo", "--list", h.uri()), `export="disk"`, "a disk in memory")
	if n := h.server.Clients(); n.Seen == 0 {
		t.Error("nobody was seen")
	}
}

func TestNbdinfoMapsHoles(t *testing.T) {
	h := newHouse(t)
	h.disk.WriteAt([]byte("x"), 1<<20)
	out := run(t, "nbdinfo", "--map", h.uri())
	contains(t, out, "hole,zero")
	if fields := strings.Fields(strings.Split(out, "\n")[1]); strings.Join(fields, " ") != "1048576 4096 0 data" {
		t.Errorf("the second extent is %v", fields)
	}
}

func TestNbdcopyBothWays(t *testing.T) {
	for _, prompt := range []bool{true, false} {
		h := newHouse(t, func(_ *house, c *nbd.Config) { c.Prompt = prompt })
		want := h.fill()
		file := filepath.Join(t.TempDir(), "copy")
		for _, uri := range []string{h.uri(), "nbd://" + h.tcp} {
			before := h.server.Clients().Seen
			run(t, "nbdcopy", "--connections=4", "--threads=4", uri, file)
			if n := h.server.Clients().Seen - before; n < 4 {
				t.Errorf("%d connections", n)
			}
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("the copy differs (%v)", err)
			}
			h.disk.WriteZeroes(0, h.disk.Size(), 0)
			run(t, "nbdcopy", "--connections=4", "--threads=4", file, uri)
			if !bytes.Equal(h.disk.bytes(), want) {
				t.Fatal("the copy back differs")
			}
		}
	}
}

func TestQemu(t *testing.T) {
	h := newHouse(t)
	want := h.fill()
	dir := t.TempDir()
	raw, qcow := filepath.Join(dir, "raw"), filepath.Join(dir, "qcow")
	run(t, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", h.uri(), qcow)
	run(t, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", qcow, raw)
	if got, err := os.ReadFile(raw); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the copy differs (%v)", err)
	}
	h.disk.WriteZeroes(0, h.disk.Size(), 0)
	run(t, "qemu-img", "convert", "-n", "-O", "raw", qcow, "nbd://"+h.tcp+"/disk")
	if !bytes.Equal(h.disk.bytes(), want) {
		t.Fatal("the copy back differs")
	}
	contains(t, run(t, "qemu-img", "compare", "-f", "raw", "-F", "qcow2", h.uri(), qcow), "identical")
	contains(t, run(t, "qemu-img", "map", "--output=json", "-f", "raw", h.uri()),
		`"start": 0, "length": 200704, "depth": 0, "present": true, "zero": false, "data": true`,
		`"start": 200704, "length": 323584, "depth": 0, "present": true, "zero": true, "data": false`)
	contains(t, run(t, "qemu-img", "bench", "-f", "raw", "-c", "2000", "-d", "32", "-s", "64k", h.uri()), "Run completed")
	contains(t, run(t, "qemu-img", "bench", "-w", "-f", "raw", "-c", "2000", "-d", "32", "-s", "64k", "--flush-interval=100", h.uri()), "Run completed")
	out := run(t, "qemu-io", "-f", "raw",
		"-c", "write -P 0xab 4096 1M", "-c", "read -P 0xab 4096 1M", "-c", "write -f -P 0xcd 1 511", "-c", "read -P 0xcd 1 511",
		"-c", "write -z 4096 64k", "-c", "read -P 0 4096 64k", "-c", "write -zu 128k 64k", "-c", "read -P 0 128k 64k",
		"-c", "discard 1M 64k", "-c", "flush", "-c", "aio_write -P 1 0 4096", "-c", "aio_flush", "-c", "aio_read -P 1 0 4096", "-c", "aio_flush",
		h.uri())
	if strings.Contains(out, "failed") || strings.Contains(out, "rror") {
		t.Errorf("qemu-io complains:\n%s", out)
	}
}

func TestFioVerifies(t *testing.T) {
	h := newHouse(t)
	for _, uri := range []string{h.uri(), "nbd://" + h.tcp} {
		out := run(t, "fio", "--name=verify", "--ioengine=nbd", "--uri="+uri, "--rw=randrw", "--bs=4k", "--iodepth=64",
			"--size=8m", "--verify_state_save=0", "--verify=crc32c", "--verify_fatal=1")
		contains(t, out, "err= 0")
	}
}

func TestNbdsh(t *testing.T) {
	h := newHouse(t)
	h.disk.WriteAt([]byte("hello"), 1<<20)
	script := `
h.set_strict_mode(0)
h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
h.connect_uri("` + h.uri() + `")
assert h.get_size() == 8 << 20 and h.get_structured_replies_negotiated()

holes = []
def extent(name, off, list, err): holes.extend(list)
h.block_status(4 << 20, 0, extent)
assert holes == [1 << 20, 3, 4096, 0, (3 << 20) - 4096, 3], holes
holes = []
h.block_status(4 << 20, 0, extent, nbd.CMD_FLAG_REQ_ONE)
assert holes == [1 << 20, 3], holes

chunks = []
def chunk(buf, off, status, err): chunks.append((off, len(buf), status))
h.pread_structured(2 << 20, 0, chunk)
assert chunks == [(0, 1 << 20, nbd.READ_HOLE), (1 << 20, 4096, nbd.READ_DATA),
                  ((1 << 20) + 4096, (1 << 20) - 4096, nbd.READ_HOLE)], chunks
chunks = []
h.pread_structured(2 << 20, 0, chunk, nbd.CMD_FLAG_DF)
assert chunks == [(0, 2 << 20, nbd.READ_DATA)], chunks

h.pwrite(b"x" * 512, 0, nbd.CMD_FLAG_FUA)
h.zero(512, 0, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FAST_ZERO)
h.trim(4096, 1 << 20)
h.cache(4096, 0)
h.flush()
assert h.pread(512, 0) == bytearray(512) and h.pread(5, 1 << 20) == bytearray(5)

def fails(errno, f, *args):
    try: f(*args)
    except nbd.Error as e: assert e.errno == errno, (e.errno, errno)
    else: assert False, errno
fails("EINVAL", h.pread, 1, 8 << 20)
fails("ENOSPC", h.pwrite, b"x", 8 << 20)
fails("ENOSPC", h.zero, 1, 8 << 20)
fails("EINVAL", h.trim, 1, 8 << 20)
fails("EINVAL", h.pread, 1, 0, 1 << 8)
fails("EINVAL", h.block_status, 0, 0, extent)

bufs = [nbd.Buffer(1 << 20) for i in range(8)]
cookies = [h.aio_pread(b, i << 20) for i, b in enumerate(bufs)]
h.aio_disconnect()
while not h.aio_is_closed() and not h.aio_is_dead(): h.poll(-1)
assert all(h.aio_command_completed(c) for c in cookies)
`
	run(t, "nbdsh", "-c", script)
	options := `
h.set_opt_mode(True)
h.connect_uri("` + h.uri() + `")
names = []
h.opt_list(lambda name, text: names.append((name, text)))
assert names == [("", ""), ("disk", "a disk in memory")], names
h.set_export_name("nothing")
try: h.opt_info()
except nbd.Error as e: assert e.errno == "ENOENT", e.errno
else: assert False
h.set_export_name("disk")
h.opt_info()
assert h.get_size() == 8 << 20 and h.get_block_size(nbd.SIZE_MAXIMUM) == 64 << 20
h.opt_go()
assert h.pread(1, 0) == b"\0"
h.shutdown()
`
	run(t, "nbdsh", "-c", options)
	simple := `
h.set_request_structured_replies(False)
h.set_handshake_flags(0)
h.connect_uri("nbd://` + h.tcp + `/disk")
assert not h.get_structured_replies_negotiated() and not h.can_df()
assert h.pread(2 << 20, 0) == bytearray(2 << 20)
h.shutdown()
`
	run(t, "nbdsh", "-c", simple)
}

// The kernel's client shakes hands in user space, and gives the socket away then; there is no device here to give it to.
func TestTheKernelsClientShakesHands(t *testing.T) {
	h := newHouse(t)
	_, port, err := net.SplitHostPort(h.tcp)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, run(t, "nbd-client", "-l", "127.0.0.1", "-p", port), "disk")
	for _, where := range [][]string{{"127.0.0.1", port}, {"-unix", h.unix}} {
		out, err := exec.CommandContext(t.Context(), peer(t, "nbd-client"), append(where, "-N", "disk", "/dev/null")...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "size = 8MB") {
			t.Errorf("%v, %s", err, out)
		}
	}
}
