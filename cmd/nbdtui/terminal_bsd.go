//go:build darwin || freebsd

package main

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)

func dup2(from, to int) error { return unix.Dup2(from, to) }
