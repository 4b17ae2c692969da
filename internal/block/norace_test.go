//go:build !race

package block

// spareAllocs is how many allocations a request may make.
const spareAllocs = 0
