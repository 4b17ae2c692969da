//go:build !linux && !freebsd

package program

import "syscall"

// DieWithParent does nothing here: there is no parent-death signal. What has a terminal of its own gets HUP when that
// closes, which is when we die; all else outlives us.
func DieWithParent(*syscall.SysProcAttr) {}
