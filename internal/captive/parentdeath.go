//go:build linux || freebsd

package captive

import "syscall"

// dieWithParent arms the parent-death signal. KILL, because the shell may have traps, and nobody is left to serve it.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
