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
