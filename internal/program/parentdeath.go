//go:build linux || freebsd

package program

import "syscall"

// DieWithParent has a program killed when the thread ends that starts it, which therefore must not end before it does.
// KILL, because a shell may have traps, and nobody is left to serve it. What the program has started is not killed.
func DieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
