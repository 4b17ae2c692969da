package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/tempdir"
)

// A process that is killed outright, or that the Go runtime ends, can restore nothing. So while the dashboard has the
// terminal a second process, the guard, waits for the first one's end on a pipe. Unless the first took its leave, the
// guard restores the terminal, says what happened and removes the private socket and the temporary directories.

// guardVariable makes the program the guard.
const guardVariable = "NBDTUI_GUARD"

// orders is what the guard is told; each replaces the one before.
type orders struct {
	Pid      int          // of the first process
	Terminal unix.Termios // as it was before the dashboard
	Dir      string       // of the private socket; empty where there is none
	Crash    string       // file of the runtime's last words
	Inline   bool         // the dashboard did not take the whole screen
	Leave    bool         // all was put in order
}

// guarded is the first process's side.
type guarded struct {
	orders
	pipe         io.WriteCloser
	wait         func() error
	stderr       *os.File // the real one; nil where it was left alone
	crash        *os.File
	sameTerminal bool // stderr is the dashboard's terminal, and silent while the dashboard has it
}

// startGuard starts the guard and sends the runtime's last words to a file.
func startGuard(inline bool) (*guarded, error) {
	g := &guarded{orders: orders{Pid: os.Getpid(), Inline: inline}}
	old, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), getTermios)
	if err != nil {
		return nil, fmt.Errorf("read the terminal's settings: %w", err)
	}
	g.Terminal = *old
	if g.crash, err = os.CreateTemp("", "nbdtui-crash-*.txt"); err != nil {
		return nil, param.WithHint(fmt.Errorf("make a file for crash reports: %w", err),
			"set TMPDIR to another directory, or do without a dashboard: --ui=quiet")
	}
	g.Crash = g.crash.Name()
	if err := g.start(); err != nil {
		g.forgetCrash()
		return nil, err
	}
	debug.SetCrashOutput(g.crash, debug.CrashOptions{})
	g.hush()
	return g, nil
}

func (g *guarded) start() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program's own file: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{"nbdtui-guard"}
	cmd.Env = append(os.Environ(), guardVariable+"=1")
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what ends the first process must not reach the guard
	if g.pipe, err = cmd.StdinPipe(); err != nil {
		return fmt.Errorf("make a pipe to the guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the guard: %w", err)
	}
	g.wait = cmd.Wait
	return g.send()
}

func (g *guarded) send() error { return json.NewEncoder(g.pipe).Encode(g.orders) }

// hush keeps the runtime's last words off the dashboard's terminal: they are in the file.
func (g *guarded) hush() {
	if !sameTerminal(os.Stdout, os.Stderr) {
		return
	}
	g.sameTerminal = true
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer null.Close()
	real, err := unix.FcntlInt(os.Stderr.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return
	}
	if err := dup2(int(null.Fd()), 2); err != nil {
		unix.Close(real)
		return
	}
	g.stderr = os.NewFile(uintptr(real), "stderr")
}

// protect names the directory to remove.
func (g *guarded) protect(dir string) {
	g.Dir = dir
	g.send() // a guard that is gone can be told nothing, and the session goes on
}

// dismiss ends the guard: all is in order again.
func (g *guarded) dismiss() {
	if g.stderr != nil {
		dup2(int(g.stderr.Fd()), 2)
		g.stderr.Close()
	}
	g.Leave = true
	g.send()
	g.pipe.Close()
	g.wait()
	g.forgetCrash()
}

func (g *guarded) forgetCrash() {
	g.crash.Close()
	os.Remove(g.Crash)
}

// guard is the second process. It reads orders until the first has gone.
func guard(in io.Reader) int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTTOU)
	var o orders
	for d := json.NewDecoder(in); d.Decode(&o) == nil; {
	}
	if o.Crash == "" || o.Leave {
		return 0
	}
	// Leave the alternate screen, show the cursor, and turn off what the dashboard turned on.
	os.Stdout.SetWriteDeadline(time.Now().Add(2 * time.Second))
	alternate := "\x1b[?1049l"
	if o.Inline { // it would move the cursor
		alternate = ""
	}
	io.WriteString(os.Stdout, "\x1b[?2026l\x1b[?2004l\x1b[?1l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"+alternate+"\x1b[?25h\x1b[0m\r\n")
	unix.IoctlSetTermios(int(os.Stdout.Fd()), setTermios, &o.Terminal)
	if info, err := os.Stat(o.Crash); err == nil && info.Size() > 0 {
		fmt.Printf("nbdtui: error: internal error; the report is in %s\n", o.Crash)
	} else {
		os.Remove(o.Crash)
		fmt.Println("nbdtui: error: killed")
	}
	if o.Dir != "" {
		os.Remove(filepath.Join(o.Dir, "socket"))
		os.Remove(o.Dir)
	}
	outlive(o.Pid)
	tempdir.Sweep()
	return 1
}

// outlive waits for the end of the guard's parent, 2 s at most: it may still hold its directories after the pipe was
// closed. It looks again and again: no call that every system has waits for a parent.
func outlive(parent int) {
	for end := time.Now().Add(2 * time.Second); os.Getppid() == parent && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}
