//go:build linux || freebsd

package captive

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// beParent starts the command, on a terminal or off it as the first letter says, from a thread that ends at once, and
// lives on until it is killed.
func beParent(command string) {
	started := make(chan *Child)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		c, err := Start(Config{
			Command: command[1:], Env: os.Environ(), Pty: command[0] == 'T', Width: 80, Height: 24, Stdin: os.Stdin,
		})
		if err != nil {
			panic(err)
		}
		started <- c
	}()
	c := <-started
	os.Stdout.WriteString("started\n")
	<-c.Done()
	os.Stdout.WriteString("the child has ended\n")
	select {}
}

// Whoever is left of the child would hold the FIFO's other end.
func TestTheShellDiesWithUs(t *testing.T) {
	for _, where := range []string{"T", "F"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			parent := exec.Command(self)
			parent.Env = append(os.Environ(), parentOf+"="+where+
				"trap '' HUP TERM INT; exec 9>"+fifo+"; echo ready >&9; while :; do read x; done")
			stdin, err := parent.StdinPipe() // never written: read waits
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			stdout, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "started\n" {
				t.Fatalf("the parent says %q, %v", line, err)
			}
			end, err := os.OpenFile(fifo, os.O_RDONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer end.Close()
			r := bufio.NewReader(end)
			if line, err := r.ReadString('\n'); line != "ready\n" {
				t.Fatalf("the child says %q, %v", line, err)
			}
			end.SetReadDeadline(time.Now().Add(time.Second / 4))
			if _, err := r.ReadByte(); err == nil || err == io.EOF {
				t.Errorf("the child did not outlive the thread that started it: %v", err)
			}
			parent.Process.Kill()
			parent.Wait()
			end.SetReadDeadline(time.Now().Add(patience))
			if b, err := r.ReadByte(); err != io.EOF {
				t.Errorf("the shell lives: read %q, %v", b, err)
			}
		})
	}
}
