package block

import (
	"math/bits"
	"sync"
)

// buffer is pooled memory. Its bytes are whatever the last user left there.
type buffer struct {
	b     []byte
	class int // index into bufferPools, or -1 for memory that is too large to keep
}

// Size classes are 4 KiB to 4 MiB in steps of two; larger buffers are left to the garbage collector.
const (
	minBufferBits = 12
	maxBufferBits = 22
)

var bufferPools [maxBufferBits - minBufferBits + 1]sync.Pool

func getBuffer(n int) *buffer {
	class := max(bits.Len(uint(n-1))-minBufferBits, 0)
	if n <= 0 {
		class = 0
	}
	if class >= len(bufferPools) {
		return &buffer{b: make([]byte, n), class: -1}
	}
	if b, ok := bufferPools[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, 1<<(class+minBufferBits)), class: class}
}

func (b *buffer) put() {
	if b.class >= 0 {
		bufferPools[b.class].Put(b)
	}
}

// Payload is pooled memory for a write's data: taken by who reads it from the client, given back when the request
// has been answered.
type Payload struct{ buffer *buffer }

// GetPayload returns memory for n bytes, whose contents are undefined.
func GetPayload(n int) Payload { return Payload{getBuffer(n)} }

// Bytes is the first n bytes of the memory.
func (p Payload) Bytes(n int) []byte { return p.buffer.b[:n] }

// Put gives the memory back; nobody may hold a slice of it any more.
func (p Payload) Put() {
	if p.buffer != nil {
		p.buffer.put()
	}
}
