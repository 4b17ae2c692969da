//go:build race

package block

// spareAllocs: under the race detector sync.Pool drops a part of what it is given, on purpose.
const spareAllocs = 2
