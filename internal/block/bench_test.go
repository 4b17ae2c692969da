package block

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// BenchmarkWatching is what it costs that a request is counted, can be held, and is seen: gate, counters, coverage and
// latency, however large the export is. The clock is read once per wake-up, and not here.
func BenchmarkWatching(b *testing.B) {
	for _, size := range []uint64{1 << 20, 1 << 40, math.MaxInt64} {
		b.Run(fmt.Sprintf("export=%dM", size>>20), func(b *testing.B) {
			lane, counters, coverage := NewGate(nil).Lane(), NewCounters(17), NewCoverage(size)
			ctx, clock := b.Context(), Clock()
			r := Request{Cmd: Read, Length: 4096}
			stride := size/9973 + 4096 // all over it
			b.ReportAllocs()
			for b.Loop() {
				r.Offset = (r.Offset + stride) % (size - 4096)
				counters.Asked(&r)
				counters.Begin(16, &r, clock)
				if lane.Enter(ctx, NoWait) == nil {
					lane.Leave()
				}
				counters.End(16, &r, nil)
				coverage.Mark(WasRead, r.Offset, r.Length)
				counters.Took(Read, 1, time.Microsecond)
			}
		})
	}
}

// BenchmarkPromptWrite is a write into the page cache, as the reader makes it.
func BenchmarkPromptWrite(b *testing.B) {
	disk := openDisk(b, tempFile(b, pattern(4<<20)).Name(), DiskOptions{})
	door, _ := outer(FromDevice(sizedDisk{disk}, Info{}))
	for _, n := range []uint64{4 << 10, 64 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("size=%dK", n>>10), func(b *testing.B) {
			r := Request{Cmd: Write, Flags: NoWait, Length: n, Data: make([]byte, n)}
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				a := GetAnswer(false)
				disk.pace.rest.Store(0)
				if err := door.Serve(b.Context(), r, a.Reply()); err != nil {
					b.Fatal(err)
				}
				a.Put()
			}
		})
	}
}
