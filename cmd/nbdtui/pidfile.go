package main

import (
	"fmt"
	"os"
	"strconv"
)

// pidFile is a file that holds our process id; empty for none.
type pidFile string

func (p pidFile) write() error {
	if p == "" {
		return nil
	}
	if err := os.WriteFile(string(p), []byte(p.text()), 0o644); err != nil {
		return fmt.Errorf("write the process id: %w", err)
	}
	return nil
}

// remove removes it, unless it has become somebody else's or was never a plain file.
func (p pidFile) remove() {
	if p == "" {
		return
	}
	if info, err := os.Stat(string(p)); err != nil || !info.Mode().IsRegular() {
		return
	}
	if b, err := os.ReadFile(string(p)); err == nil && string(b) == p.text() {
		os.Remove(string(p))
	}
}

func (pidFile) text() string { return strconv.Itoa(os.Getpid()) + "\n" }
