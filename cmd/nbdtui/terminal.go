package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// onTerminal reports whether a dashboard has somewhere to be.
func onTerminal() bool { return isTerminal(os.Stdin) && isTerminal(os.Stdout) }

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	return err == nil
}

// sameTerminal reports whether b is the terminal that a is, perhaps by the name that every process has for its own.
func sameTerminal(a, b *os.File) bool {
	if !isTerminal(b) {
		return false
	}
	i, err := a.Stat()
	if err != nil {
		return false
	}
	j, err := b.Stat()
	if err != nil {
		return false
	}
	own, err := os.Stat("/dev/tty")
	return os.SameFile(i, j) || err == nil && os.SameFile(own, j)
}
