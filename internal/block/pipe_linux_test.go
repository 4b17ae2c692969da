package block

// pipesNow is how many pipes are idle, and how many there are.
func pipesNow() (idle, made int) {
	pipes.Lock()
	defer pipes.Unlock()
	return len(pipes.idle), pipes.made
}
