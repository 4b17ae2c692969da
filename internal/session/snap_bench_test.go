package session

import (
	"testing"
	"time"
)

// What each of the ten Snapshots a second costs, whether or not anybody is served.
func BenchmarkSnapshot(b *testing.B) {
	s := start(b, Config{Watched: true}, "memory", nil, "64G")
	b.ReportAllocs()
	for b.Loop() {
		s.snap(time.Now())
	}
}
