// Package captive runs the captive, the command of --run: on a terminal of its own, whose screen it keeps, or on the
// caller's stdio. It knows nothing of NBD but the variables the command finds in its environment.
package captive

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"example.com/nbdtui/internal/program"
)

// Config says what to run and where.
type Config struct {
	Command string   // run by /bin/sh -c
	Run     int      // which run of it this is; the Screen says it
	Env     []string // the whole environment

	Pty                   bool // a terminal of its own, Width x Height cells; else the files below
	Width, Height         int
	Wait                  bool // hold the child where its output comes too fast to be shown, instead of skipping
	Stdin, Stdout, Stderr *os.File
}

// Child is a running command. Its methods may be called concurrently.
type Child struct {
	console *console // nil without a terminal of its own
	cmd     *exec.Cmd
	group   bool          // it leads a process group, which is what gets the signals
	status  Status        // set before ended is closed
	ended   chan struct{} // the shell has ended
	done    chan struct{} // and what it printed is on the screen
}

// Start runs the command. The shell dies with us, however we die. After an error nothing is left.
func Start(cfg Config) (*Child, error) {
	c := &Child{
		cmd:   exec.Command("/bin/sh", "-c", cfg.Command),
		group: true,
		ended: make(chan struct{}),
		done:  make(chan struct{}),
	}
	c.cmd.Env = cfg.Env
	c.cmd.SysProcAttr = &syscall.SysProcAttr{}
	program.DieWithParent(c.cmd.SysProcAttr)
	start := c.startOnStdio
	if cfg.Pty {
		start = c.startOnTerminal
	}
	if err := start(cfg); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Child) startOnStdio(cfg Config) error {
	// In a background group the command would stop as soon as it reads the terminal. In ours it gets the
	// terminal's ^C as we do, and the group can't be signalled without us.
	if isTerminal(cfg.Stdin) {
		c.group = false
	} else {
		c.cmd.SysProcAttr.Setpgid = true
	}
	c.setStdio(cfg.Stdin, cfg.Stdout, cfg.Stderr)
	return c.start()
}

func (c *Child) startOnTerminal(cfg Config) error {
	master, slave, err := openPty(clampSize(cfg.Width, cfg.Height))
	if err != nil {
		return err
	}
	defer slave.Close()
	c.cmd.Env = terminalEnviron(c.cmd.Env)
	c.cmd.SysProcAttr.Setsid, c.cmd.SysProcAttr.Setctty = true, true
	c.setStdio(slave, slave, slave)
	c.console = newConsole(master, cfg)
	if err := c.start(); err != nil {
		c.console.close()
		return err
	}
	return nil
}

// setStdio keeps a nil *os.File from becoming a non-nil io.Reader.
func (c *Child) setStdio(in, out, err *os.File) {
	if in != nil {
		c.cmd.Stdin = in
	}
	if out != nil {
		c.cmd.Stdout = out
	}
	if err != nil {
		c.cmd.Stderr = err
	}
}

func (c *Child) start() error {
	started := make(chan error)
	go c.run(started) // ends with closing done, which Close waits for
	if err := <-started; err != nil {
		return fmt.Errorf("start /bin/sh: %w", err)
	}
	return nil
}

// run starts the shell and waits for it, on one thread: the parent-death signal is sent when the thread that forked
// ends, so this one may not end before the child, nor run anything that could end it.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.cmd.Wait() // what it says is in ProcessState too
	c.status = statusOf(c.cmd.ProcessState)
	close(c.ended)
	if c.console != nil {
		c.console.settle()
	}
	close(c.done)
}

// Pid is the shell's process id.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Done is closed when the shell has ended and what was printed on its terminal until then is on the Screen and in the
// Tail. A process that it left behind is not waited for.
func (c *Child) Done() <-chan struct{} { return c.done }

// Leads reports whether the child leads a process group of its own. Else it is in ours, and what a terminal tells us it
// tells the child as well.
func (c *Child) Leads() bool { return c.group }

// Status is how the shell ended, once Done is closed.
func (c *Child) Status() Status { return c.status }

// End asks the child to end: TERM, and CONT in case it is stopped. A shell with a prompt ignores TERM, and gets the HUP
// of a closing terminal. Nobody else does: it would kill a program that finishes its work on TERM.
func (c *Child) End() {
	c.signal(syscall.SIGTERM)
	c.signal(syscall.SIGCONT)
	if c.console != nil && ignoresTerm(c.Pid()) {
		c.signal(syscall.SIGHUP)
	}
}

// Kill ends the child at once.
func (c *Child) Kill() { c.signal(syscall.SIGKILL) }

// signal reaches the whole group where the child leads one. After the shell's end nothing is sent: its id may be
// somebody else's by then. An error means that there is nobody left to signal.
func (c *Child) signal(s syscall.Signal) {
	select {
	case <-c.ended:
		return
	default:
	}
	if c.group {
		syscall.Kill(-c.Pid(), s)
	} else {
		c.cmd.Process.Signal(s)
	}
}

// Close hangs up the child's terminal, and with it whatever still uses it, and waits for the shell's end. Call it
// after Done or Kill. Screen and Tail keep their last answer.
func (c *Child) Close() error {
	var err error
	if c.console != nil {
		err = c.console.close()
	}
	<-c.done
	return err
}

// The rest is about the terminal; without one there is nothing on it and nothing happens.

// Resize gives the terminal another size, in cells; the child gets SIGWINCH.
func (c *Child) Resize(width, height int) {
	if c.console != nil {
		c.console.resize(clampSize(width, height))
	}
}

// Write types p, as it is. It never waits for the child: what the child does not read is kept up to 1 MiB, and beyond
// that p is refused whole.
func (c *Child) Write(p []byte) (int, error) {
	if c.console == nil {
		return 0, fmt.Errorf("type to the command: it has no terminal of its own")
	}
	return c.console.input.put(p, maxTyped)
}

// Screen is what the terminal shows. It costs nothing where nothing changed.
func (c *Child) Screen() Screen {
	if c.console == nil {
		return Screen{}
	}
	return c.console.terminal.screen()
}

// Page is up to n lines of what was printed, from a number on or from the oldest that is kept: lines that have left the
// screen, and the screen's. It costs as much as those lines.
func (c *Child) Page(from uint64, n int) Page {
	if c.console == nil {
		return Page{}
	}
	return c.console.terminal.page(from, n)
}

// Tail is the last max lines printed, or all that are kept where max is negative: text and SGR sequences, without the
// blank lines at the end. Where a full-screen program has the terminal it is what that shows.
func (c *Child) Tail(max int) []string {
	if c.console == nil {
		return nil
	}
	return c.console.terminal.tail(max)
}

// Changed has a value when Screen has changed. It is nil without a terminal.
func (c *Child) Changed() <-chan struct{} {
	if c.console == nil {
		return nil
	}
	return c.console.changed
}
