//go:build !linux && !freebsd

package captive

import "syscall"

// dieWithParent does nothing here: there is no parent-death signal. On a terminal of its own the shell gets HUP when
// that closes, which is when we die; off a terminal it outlives us.
func dieWithParent(*syscall.SysProcAttr) {}
