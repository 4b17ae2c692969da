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

// inForeground reports whether what is typed on a terminal is for our process group.
func inForeground(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
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
