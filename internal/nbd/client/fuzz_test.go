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
	data := func(cookie uint64) []byte { return append(wire.AppendDataChunk(nil, 1, cookie, 512, n), whole...) }
	status := func(cookie uint64) []byte {
		return wire.AppendExtent(wire.AppendExtent(wire.AppendBlockStatusChunk(nil, cookie, 7, 2), 1000, 3), 1<<31, 0)
	}
	f.Add(true, join(data(2), status(3), data(1), status(4)))
	f.Add(true, join(status(3), wire.AppendHoleChunk(nil, 1, 1, 512, n), wire.AppendErrorChunk(nil, 2, wire.EIO, "text"), wire.AppendErrorChunk(nil, 4, wire.EINVAL, "")))
	f.Add(true, join(append(wire.AppendDataChunk(nil, 0, 1, 1512, n-1000), whole[1000:]...), wire.AppendHoleChunk(nil, 0, 1, 512, 1000), wire.AppendNoneChunk(nil, 1)))
	f.Add(false, join(append(wire.AppendSimpleReply(nil, 0, 2), whole...), wire.AppendSimpleReply(nil, wire.EIO, 1)))
	f.Fuzz(func(t *testing.T, structured bool, sent []byte) {
		ours, theirs := net.Pipe()
		greets := helloSimple()
		if structured {
			greets = hello()
		}
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
			skip := int64(4 + 16 + (16 + 4 + 2 + 2))
			if structured {
				skip += 16 + 4 + 4 + 4 + int64(len(wire.BaseAllocation))
			}
			if _, err := io.CopyN(io.Discard, theirs, skip+int64(requests)*wire.RequestSize); err != nil {
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
