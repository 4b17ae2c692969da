package wire

import "testing"

func BenchmarkDecodeRequest(b *testing.B) {
	request := AppendRequest(nil, Request{Type: CmdRead, Cookie: 1, Offset: 4096, Length: 4096})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := DecodeRequest(request); !ok {
			b.Fatal("not decoded")
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	var out []byte
	for name, add := range map[string]func(){
		"simple": func() { out = AppendSimpleReply(out[:0], 0, 1) },
		"data":   func() { out = AppendDataChunk(out[:0], ChunkDone, Tag{Cookie: 1}, 4096, 4096) },
		"hole":   func() { out = AppendHoleChunk(out[:0], ChunkDone, Tag{Cookie: 1}, 4096, 4096) },
		"extents": func() {
			out = AppendBlockStatusChunk(out[:0], Tag{Cookie: 1}, 1, 128)
			for range 128 {
				out = AppendExtent(out, Tag{}, 4096, 3)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				add()
			}
		})
	}
}
