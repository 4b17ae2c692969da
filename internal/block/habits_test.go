package block

import "testing"

func TestHabitsTellSizesAndSequences(t *testing.T) {
	c := NewCounters(1)
	ask := func(cmd Cmd, off, n uint64) { c.Asked(&Request{Cmd: cmd, Offset: off, Length: n}) }
	ask(Read, 0, 4096)
	ask(Write, 1<<20, 4097)
	ask(Read, 4096, 2<<20) // the write between does not end the sequence
	ask(Read, 0, 4<<20+1)
	ask(Flush, 0, 0)
	ask(Write, 1<<20+4097, 1)
	var h Habits
	c.Habits(&h)
	want := Habits{
		Reads:  Habit{Sizes: [SizeClasses]uint64{0: 1, 5: 1, 6: 1}, Sequential: 2},
		Writes: Habit{Sizes: [SizeClasses]uint64{0: 1, 1: 1}, Sequential: 1},
	}
	if h != want {
		t.Errorf("%+v\nwant %+v", h, want)
	}
	if h.Reads.Requests() != 3 || c.At() != 1<<20+4098 {
		t.Errorf("%d reads, the last request ended at %d", h.Reads.Requests(), c.At())
	}
	h.Sub(&Habits{Reads: Habit{Sizes: [SizeClasses]uint64{0: 1}, Sequential: 1}})
	if h.Reads.Requests() != 2 || h.Reads.Sequential != 1 || h.Writes.Requests() != 2 {
		t.Errorf("less a read: %+v", h)
	}
}

func TestSizeClassesHaveTheirLimits(t *testing.T) {
	for class := range SizeClasses {
		if got := sizeClass(SizeLimit(class)); got != class {
			t.Errorf("%d bytes are in class %d, not %d", SizeLimit(class), got, class)
		}
		if got, want := sizeClass(SizeLimit(class)+1), min(class+1, SizeClasses-1); got != want {
			t.Errorf("%d bytes are in class %d, not %d", SizeLimit(class)+1, got, want)
		}
	}
}

func TestNotingDoesNotAllocate(t *testing.T) {
	c, r := NewCounters(1), &Request{Cmd: Read, Length: 4096}
	if n := testing.AllocsPerRun(100, func() {
		c.Asked(r)
		c.Begin(0, r, Clock())
		c.End(0, r, nil)
		c.Took(Read, 1, 1000)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAsked(b *testing.B) {
	c, r := NewCounters(1), &Request{Cmd: Read, Length: 4096}
	b.ReportAllocs()
	for b.Loop() {
		c.Asked(r)
	}
}
