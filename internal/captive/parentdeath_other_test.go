//go:build !linux && !freebsd

package captive

func beParent(string) { panic("there is no parent-death signal here") }
