package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/transfer"
)

const copyUsage = `nbdtui copy copies a disk, keeps its holes, and says how far it is.

usage: nbdtui copy [options] SOURCE DESTINATION

  nbdtui copy "$nbd" out.img
  nbdtui copy disk.img nbd://localhost/disk
  nbdtui copy nbd+unix:///?socket=/tmp/disk.sock - | gzip >disk.gz

Each side is one of:
  URI     nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH, and nbds for TLS
  FILE    a regular file, a block device or a pipe
  -       standard input or output
  null:   as a destination: read all and keep nothing

A regular file as a destination is written under another name beside it (.nbdtui-*.partial), flushed, and renamed when
it is whole; what had the name before stays until then, and is replaced, not written into. So both need room at a time.
Its mode is kept, and its owner where that is allowed. Interrupted or failed, the copy leaves nothing behind.

An NBD export or a block device is written in place and flushed at the end; what is unallocated in the source reads as
zeroes there. It must be as large as the source; if it is larger, the rest stays as it is.

The exit status is 0 only if every byte was read and written. It does not convert image formats, compare, resume a
copy, or look for zeroes in data.

`

// copyOptions are the options of nbdtui copy.
type copyOptions struct{ quiet, help bool }

func (o *copyOptions) table() []param.Param {
	return []param.Param{
		{Name: "quiet", Short: "q", Help: "Print nothing but errors", Set: param.Bool(&o.quiet)},
		{Name: "help", Short: "h", Help: "Print this help", Set: param.Bool(&o.help)},
	}
}

// parse returns the two sides.
func (o *copyOptions) parse(args []string) (sides []string, err error) {
	if sides, err = parseTable("nbdtui copy", o.table(), args); err != nil {
		return nil, err
	}
	if !o.help && len(sides) != 2 {
		return nil, param.WithHint(fmt.Errorf("copy needs a source and a destination, and was given %d of them", len(sides)),
			`for example: nbdtui copy "$nbd" out.img; nbdtui copy --help tells more`)
	}
	return sides, nil
}

// copyCommand is nbdtui copy: args are what stands behind it.
func copyCommand(args []string, stdin, stdout, stderr *os.File) error {
	var o copyOptions
	sides, err := o.parse(args)
	if err != nil {
		return err
	}
	if o.help {
		return printUsage(stdout, copyUsage, o.table())
	}
	if sides[1] == "-" && isTerminal(stdout) {
		return param.WithHint(errors.New("a disk does not go to a terminal"), "send the output to a file or a pipe")
	}
	// A reader that has gone, or a file that may not become so large, is a failed write, with a message.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	c, err := transfer.New(ctx, transfer.Options{Source: sides[0], Destination: sides[1], Stdin: stdin, Stdout: stdout})
	if err != nil {
		return copyStopped(ctx, err)
	}
	meter := transfer.NewMeter(time.Now())
	stop := func() {}
	if !o.quiet && isTerminal(stderr) {
		stop = showProgress(stderr, c, meter)
	}
	err = c.Run(ctx)
	stop()
	if err != nil {
		return copyStopped(ctx, err)
	}
	if !o.quiet {
		fmt.Fprintln(stderr, "nbdtui: "+meter.Summary(c.Progress(), time.Now()))
	}
	return nil
}

// copyStopped says what a copy was stopped by, where that is why it failed.
func copyStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the copy was interrupted: %w", context.Cause(ctx))
	}
	return err
}

// progressTick is how often the progress line is drawn.
const progressTick = 200 * time.Millisecond

// showProgress draws a progress line on a terminal until stop is called, which removes it.
func showProgress(terminal *os.File, c *transfer.Copy, meter *transfer.Meter) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressTick)
		defer tick.Stop()
		drawn := 0
		for {
			select {
			case now := <-tick.C:
				width := columns(terminal)
				s := meter.Line(c.Progress(), now, width)
				fmt.Fprintf(terminal, "\r%-*s", min(drawn, width-1), s)
				drawn = len(s)
			case <-quit:
				fmt.Fprintf(terminal, "\r%*s\r", drawn, "")
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

// columns is how wide a terminal is.
func columns(terminal *os.File) int {
	size, err := unix.IoctlGetWinsize(int(terminal.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80
	}
	return int(size.Col)
}
