package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"example.com/nbdtui/internal/nbd/wire"
)

// FuzzHandshake: whatever a server says and then closes, New ends.
func FuzzHandshake(f *testing.F) {
	f.Add(hello())
	f.Add(helloSimple())
	f.Add(wire.AppendExport(wire.AppendGreeting(nil, 0), fakeSize, wire.HasFlags, false))
	f.Fuzz(func(t *testing.T, sent []byte) {
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		go func() { defer close(ended); serveFake(theirs, false, sent) }()
		c, err := New(context.Background(), ours, "disk")
		if err == nil {
			if i := c.Info(); i.Size > 1<<63-1 || i.MinBlock == 0 || i.MaxPayload < i.MinBlock || i.MaxPayload > wire.MaxPayload {
				t.Errorf("%+v", i)
			}
			c.Close()
		}
		<-ended
	})
}

// FuzzReplies: whatever a server answers to two reads and two block statuses and then closes, each of them ends: well,
// with whole data and extents within the range, or with an error.
func FuzzReplies(f *testing.F) {
	const n = 3000
	whole := make([]byte, n)
	data := func(cookie uint64) []byte {
		return append(wire.AppendDataChunk(nil, 1, wire.Tag{Cookie: cookie}, 512, n), whole...)
	}
	status := func(cookie uint64) []byte {
		return wire.AppendExtent(wire.AppendExtent(wire.AppendBlockStatusChunk(nil, wire.Tag{Cookie: cookie}, 7, 2), wire.Tag{}, 1000, 3), wire.Tag{}, 1<<31, 0)
	}
	f.Add(byte(1), join(data(2), status(3), data(1), status(4)))
	f.Add(byte(1), join(status(3), wire.AppendHoleChunk(nil, 1, wire.Tag{Cookie: 1}, 512, n), wire.AppendErrorChunk(nil, wire.Tag{Cookie: 2}, wire.EIO, "text"), wire.AppendErrorChunk(nil, wire.Tag{Cookie: 4}, wire.EINVAL, "")))
	f.Add(byte(1), join(append(wire.AppendDataChunk(nil, 0, wire.Tag{Cookie: 1}, 1512, n-1000), whole[1000:]...), wire.AppendHoleChunk(nil, 0, wire.Tag{Cookie: 1}, 512, 1000), wire.AppendNoneChunk(nil, wire.Tag{Cookie: 1})))
	f.Add(byte(0), join(append(wire.AppendSimpleReply(nil, 0, 2), whole...), wire.AppendSimpleReply(nil, wire.EIO, 1)))
	long := func(cookie uint64) wire.Tag { return wire.Tag{Cookie: cookie, Offset: 512, Extended: true} }
	f.Add(byte(2), join(append(wire.AppendDataChunk(nil, 1, long(1), 512, n), whole...), wire.AppendErrorChunk(nil, long(2), wire.EIO, "text"),
		wire.AppendExtent(wire.AppendBlockStatusChunk(nil, long(3), 7, 1), long(3), 1<<40, 3), wire.AppendNoneChunk(nil, long(4))))
	f.Fuzz(func(t *testing.T, mode byte, sent []byte) {
		ours, theirs := net.Pipe()
		structured, extended := mode%3 > 0, mode%3 == 2
		greets := map[byte]func() []byte{0: helloSimple, 1: hello, 2: helloExtended}[mode%3]()
		requests := 2
		if structured {
			requests = 4
		}
		var all sync.WaitGroup
		all.Go(func() {
			defer theirs.Close()
			var drain sync.WaitGroup
			defer drain.Wait()
			drain.Go(func() { theirs.Write(greets) })
			skip := int64(4 + 16 + 16 + (16 + 4 + 2 + 2))
			if structured {
				skip += 16 + 4 + 4 + 4 + int64(len(wire.BaseAllocation))
			}
			request := int64(wire.RequestSize)
			if extended {
				skip -= 16 // one option less
				request = wire.ExtendedRequestSize
			}
			if _, err := io.CopyN(io.Discard, theirs, skip+int64(requests)*request); err != nil {
				return
			}
			drain.Go(func() { io.Copy(io.Discard, theirs) })
			theirs.Write(sent)
			theirs.Close()
		})
		c, err := New(context.Background(), ours, "")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			all.Go(func() {
				b := bytes.Repeat([]byte{0xee}, n+2)
				err := c.ReadAt(context.Background(), b[1:n+1], 512)
				if b[0] != 0xee || b[n+1] != 0xee {
					t.Error("wrote beside the buffer")
				}
				checkError(t, err)
			})
			if !structured {
				continue
			}
			all.Go(func() {
				list, err := c.Extents(context.Background(), 512, n, 0, nil)
				total := uint64(0)
				for _, e := range list {
					total += e.Length
				}
				if err == nil && (total == 0 || total > n) {
					t.Errorf("%d bytes of extents", total)
				}
				checkError(t, err)
			})
		}
		all.Wait()
		c.Close()
	})
}

func checkError(t *testing.T, err error) {
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Err == nil || e.Error() == "") {
		t.Errorf("%#v", err)
	}
}
