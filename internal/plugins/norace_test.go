//go:build !race

package plugins

// spareAllocs is how many allocations a request may make.
const spareAllocs = 0
