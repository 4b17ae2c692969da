//go:build !linux

package main

import "errors"

// lockMemory keeps this process out of swap, which was only ever tried on Linux.
func lockMemory() error { return errors.New("--swap: this system cannot do it") }
