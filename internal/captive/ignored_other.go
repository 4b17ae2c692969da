//go:build !linux

package captive

// ignoresTerm cannot be told here; a shell with a prompt then ends with its grace.
func ignoresTerm(int) bool { return false }
