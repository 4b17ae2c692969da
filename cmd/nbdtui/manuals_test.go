package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

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
