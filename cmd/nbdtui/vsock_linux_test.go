package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Whether a client can come is the kernel's affair: many have no loopback. Binding, the URI and the end are ours.
func TestVsock(t *testing.T) {
	if _, err := os.Stat("/dev/vsock"); err != nil {
		if r := quiet(t, "--vsock", "memory", "1M"); r.code != 1 || !strings.Contains(r.stderr, "listen on vsock port 10809: ") {
			t.Errorf("%+v", r)
		}
		return
	}
	cmd, stdout, stderr, _ := begin(t, "--vsock", "-p", "4242", "--print-uri", "-e", "a b", "memory", "1M")
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if status(cmd) != 0 || stdout.String() != "nbd+vsock://1:4242/a%20b\n" || stderr.Len() > 0 {
		t.Errorf("status %d, stdout %q, stderr %q", status(cmd), stdout, stderr)
	}
}

// A vsock from the service manager, which package net does not know.
func TestAVsockFromTheServiceManager(t *testing.T) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		if _, missing := os.Stat("/dev/vsock"); missing != nil {
			return // TestVsock has seen what is said then
		}
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "vsock")
	defer f.Close()
	if err := unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: unix.VMADDR_PORT_ANY}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 16); err != nil {
		t.Fatal(err)
	}
	addr, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(t.TempDir(), "pid")
	cmd, stdout, stderr := activated(t, "", "1", []*os.File{f}, "-P", pid, "--print-uri", "memory", "1M")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids(t, pid, 1)
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if want := fmt.Sprintf("nbd+vsock://1:%d\n", addr.(*unix.SockaddrVM).Port); status(cmd) != 0 || stdout.String() != want {
		t.Errorf("status %d, stdout %q, want %q, stderr %q", status(cmd), stdout, want, stderr)
	}
}
