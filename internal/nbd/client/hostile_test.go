package client

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

const fakeSize = 1 << 20

// hello is the server's side of a good handshake, with structured replies and base:allocation as context 7.
func hello() []byte {
	b := noExtended()
	b = wire.AppendOptionReply(b, wire.OptStructuredReply, wire.RepAck, 0)
	b = wire.AppendMetaContext(b, wire.OptSetMetaContext, 7, wire.BaseAllocation)
	b = wire.AppendOptionReply(b, wire.OptSetMetaContext, wire.RepAck, 0)
	return append(b, goReplies()...)
}

// helloSimple is a good one without structured replies.
func helloSimple() []byte {
	b := noExtended()
	b = wire.AppendOptionText(b, wire.OptStructuredReply, wire.RepErrUnsup, "")
	return append(b, goReplies()...)
}

// noExtended is the beginning of a server that knows no extended headers.
func noExtended() []byte {
	return wire.AppendOptionText(wire.AppendGreeting(nil, wire.FixedNewstyle|wire.NoZeroes), wire.OptExtendedHeaders, wire.RepErrUnsup, "")
}

// helloExtended is a good one with extended headers.
func helloExtended() []byte {
	b := wire.AppendGreeting(nil, wire.FixedNewstyle|wire.NoZeroes)
	b = wire.AppendOptionReply(b, wire.OptExtendedHeaders, wire.RepAck, 0)
	b = wire.AppendMetaContext(b, wire.OptSetMetaContext, 7, wire.BaseAllocation)
	b = wire.AppendOptionReply(b, wire.OptSetMetaContext, wire.RepAck, 0)
	return append(b, goReplies()...)
}

func goReplies() []byte {
	flags := wire.HasFlags | wire.SendFlush | wire.SendTrim | wire.SendWriteZeroes
	b := wire.AppendInfoExport(nil, wire.OptGo, fakeSize, flags)
	b = wire.AppendInfoBlockSize(b, wire.OptGo, 1, 4096, wire.MaxPayload)
	return wire.AppendOptionReply(b, wire.OptGo, wire.RepAck, 0)
}

// serveFake says b whatever the client says, and then closes unless it is to stay.
func serveFake(conn net.Conn, stay bool, parts ...[]byte) {
	drained := make(chan struct{})
	go func() { defer close(drained); io.Copy(io.Discard, conn) }()
	for _, b := range parts {
		conn.Write(b)
	}
	if !stay {
		conn.Close()
	}
	<-drained
	conn.Close()
}

// Whatever a server says in the handshake, the client gives a clear error and never hangs.
func TestHostileHandshakes(t *testing.T) {
	greeting := noExtended()
	unsup := wire.AppendOptionText(greeting, wire.OptStructuredReply, wire.RepErrUnsup, "")
	info := func(data ...byte) []byte {
		return append(wire.AppendOptionReply(slices.Clone(unsup), wire.OptGo, wire.RepInfo, len(data)), data...)
	}
	flood := slices.Clone(unsup)
	for range maxOptionReplies + 1 {
		flood = wire.AppendInfoText(flood, wire.OptGo, wire.InfoName, "x")
	}
	for _, x := range []struct {
		name, says string
		sent       []byte
	}{
		{"nothing", "closed the connection", nil},
		{"half a greeting", "closed the connection", greeting[:9]},
		{"a web server", "does not greet", []byte("HTTP/1.1 400 Bad Request\r\n\r\n")},
		{"wrong second magic", "does not greet", append(slices.Clone(greeting[:8]), make([]byte, 10)...)},
		{"EOF for an option", "closed the connection", greeting},
		{"wrong option magic", "wrong magic", append(slices.Clone(greeting), make([]byte, 20)...)},
		{"another option's reply", "answers option", wire.AppendOptionReply(slices.Clone(greeting), wire.OptGo, wire.RepAck, 0)},
		{"a reply of 4 GiB", "reply of", wire.AppendOptionReply(slices.Clone(greeting), wire.OptStructuredReply, wire.RepErrUnsup, -1)},
		{"a text that never comes", "closed the connection", wire.AppendOptionReply(slices.Clone(greeting), wire.OptStructuredReply, wire.RepErrUnsup, 4096)},
		{"replies for ever", "no end", flood},
		{"GO without a size", "no size", wire.AppendOptionReply(slices.Clone(unsup), wire.OptGo, wire.RepAck, 0)},
		{"a size of 2^63", "an export of", wire.AppendInfoExport(slices.Clone(unsup), wire.OptGo, 1<<63, 1)},
		{"a short info", "reply of type", info(0)},
		{"an export of 3 bytes", "information of type 0", info(0, 0, 0)},
		{"a minimum block of 3", "block sizes", wire.AppendInfoBlockSize(slices.Clone(unsup), wire.OptGo, 3, 4096, 1<<20)},
		{"a minimum block of 0", "block sizes", wire.AppendInfoBlockSize(slices.Clone(unsup), wire.OptGo, 0, 4096, 1<<20)},
		{"a minimum above the maximum", "block sizes", wire.AppendInfoBlockSize(slices.Clone(unsup), wire.OptGo, 4096, 4096, 512)},
		{"another meta context", "not asked for", wire.AppendMetaContext(wire.AppendOptionReply(slices.Clone(greeting), wire.OptStructuredReply, wire.RepAck, 0), wire.OptSetMetaContext, 1, "base:other")},
		{"TLS required", "requires TLS", wire.AppendOptionText(slices.Clone(greeting), wire.OptStructuredReply, wire.RepErrTLSReqd, "")},
		{"an unknown export", "no such export (it says: a  b)", wire.AppendOptionText(slices.Clone(unsup), wire.OptGo, wire.RepErrUnknown, "a\x1b\nb")},
		{"EXPORT_NAME refused", "may have no such export", wire.AppendOptionText(slices.Clone(unsup), wire.OptGo, wire.RepErrUnsup, "")},
	} {
		t.Run(x.name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			ended := make(chan struct{})
			go func() { defer close(ended); serveFake(theirs, false, x.sent) }()
			c, err := New(limited(t), ours, "disk")
			if err == nil {
				c.Close()
				t.Error("it was opened")
			} else if !strings.Contains(err.Error(), x.says) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%q does not say %q", err, x.says)
			}
			<-ended
		})
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	for _, sent := range [][]byte{nil, wire.AppendGreeting(nil, wire.FixedNewstyle)} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go serveFake(theirs, true, sent)
			start := time.Now()
			if _, err := New(context.Background(), ours, ""); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			if took := time.Since(start); took != handshakeTime {
				t.Errorf("given up after %v", took)
			}
		})
	}
}

// chunk makes any structured reply chunk.
func chunk(flags uint16, t wire.ChunkType, cookie uint64, length uint32, data ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x668e33ef)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, uint16(t))
	b = binary.BigEndian.AppendUint64(b, cookie)
	return append(binary.BigEndian.AppendUint32(b, length), data...)
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// The first request of a connection has cookie 1: it reads, or asks for the extents of, 1024 bytes at 4096.
func TestHostileReplies(t *testing.T) {
	kib := make([]byte, 1024)
	data := func(flags uint16, off uint64, n int) []byte {
		return append(wire.AppendDataChunk(nil, flags, wire.Tag{Cookie: 1}, off, uint64(n)), kib[:n]...)
	}
	status := func(context uint32, extents ...uint32) []byte {
		b := wire.AppendBlockStatusChunk(nil, wire.Tag{Cookie: 1}, context, len(extents))
		for _, n := range extents {
			b = wire.AppendExtent(b, wire.Tag{}, uint64(n), 3)
		}
		return b
	}
	long := wire.Tag{Cookie: 1, Offset: 4096, Extended: true}
	longStatus := func(context uint32, n uint64) []byte {
		return wire.AppendExtent(wire.AppendBlockStatusChunk(nil, long, context, 1), long, n, 3)
	}
	// longChunk is the head of any extended chunk, and zeroes where more is looked at.
	longChunk := func(flags uint16, t wire.ChunkType, length uint64) []byte {
		b := wire.AppendNoneChunk(nil, long)
		binary.BigEndian.PutUint16(b[4:], flags)
		binary.BigEndian.PutUint16(b[6:], uint16(t))
		binary.BigEndian.PutUint64(b[24:], length)
		return append(b, make([]byte, 16)...)
	}
	read := func(c *Client) error { return c.ReadAt(context.Background(), make([]byte, 1024), 4096) }
	find := func(c *Client) error {
		_, err := c.Extents(context.Background(), 4096, 1024, 0, nil)
		return err
	}
	for _, x := range []struct {
		name  string
		hello []byte
		do    func(*Client) error
		sent  []byte
		says  string // empty: it goes well
	}{
		{"good", hello(), read, data(1, 4096, 1024), ""},
		{"good, in parts out of order", hello(), read, join(data(0, 4608, 512), wire.AppendHoleChunk(nil, 0, wire.Tag{Cookie: 1}, 4096, 512), wire.AppendNoneChunk(nil, wire.Tag{Cookie: 1})), ""},
		{"good, simple", helloSimple(), read, append(wire.AppendSimpleReply(nil, 0, 1), kib...), ""},
		{"good, extents", hello(), find, status(7, 512, 1<<30), ""},
		{"an error", hello(), read, wire.AppendErrorChunk(nil, wire.Tag{Cookie: 1}, wire.EIO, "bad \x1b[2Jblock"), "input/output error (the server says: bad  [2Jblock)"},
		{"an error with an offset", hello(), read, chunk(1, wire.ChunkErrorOffset, 1, 14, make([]byte, 3)...)[:20], "closed the connection in the middle"},
		{"an unknown error type", hello(), read, chunk(1, 0x8fff, 1, 10, 0, 0, 0, 28, 0, 2, 'h', 'i', 9, 9), "no space left on device (the server says: hi)"},
		{"a simple error to a structured read", hello(), read, wire.AppendSimpleReply(nil, wire.EPERM, 1), "operation not permitted"},
		{"an unknown error number", helloSimple(), read, wire.AppendSimpleReply(nil, 4711, 1), "invalid argument"},

		{"closes", hello(), read, nil, "the server closed the connection"},
		{"EOF in a header", hello(), read, data(1, 4096, 1024)[:10], "in the middle of a reply"},
		{"EOF after the magic", hello(), read, data(1, 4096, 1024)[:4], "in the middle of a reply"},
		{"EOF in the offset", hello(), read, data(1, 4096, 1024)[:22], "in the middle of a reply"},
		{"EOF in data", hello(), read, data(1, 4096, 1024)[:700], "in the middle of a reply"},
		{"EOF in simple data", helloSimple(), read, append(wire.AppendSimpleReply(nil, 0, 1), 1, 2, 3), "in the middle of a reply"},
		{"wrong magic", hello(), read, make([]byte, 64), "wrong magic"},
		{"another cookie", hello(), read, wire.AppendNoneChunk(nil, wire.Tag{Cookie: 2}), "cookie 0x2"},
		{"another cookie, simple", helloSimple(), read, wire.AppendSimpleReply(nil, 0, 99), "cookie 0x63"},
		{"an answer twice", hello(), read, join(wire.AppendNoneChunk(nil, wire.Tag{Cookie: 2}), wire.AppendNoneChunk(nil, wire.Tag{Cookie: 2})), "cookie 0x2"},
		{"a structured reply that was not agreed", helloSimple(), read, data(1, 4096, 1024), "not agreed"},
		{"a simple reply to a structured read", hello(), read, append(wire.AppendSimpleReply(nil, 0, 1), kib...), "a simple reply"},
		{"a simple reply to a block status", hello(), find, wire.AppendSimpleReply(nil, 0, 1), "a simple reply"},
		{"unknown flags", hello(), read, chunk(2, wire.ChunkNone, 1, 0), "chunk flags"},
		{"nothing with a length", hello(), read, chunk(1, wire.ChunkNone, 1, 8, kib[:8]...), "empty chunk"},
		{"nothing that is not the last", hello(), read, chunk(0, wire.ChunkNone, 1, 0), "empty chunk"},
		{"an unknown chunk", hello(), read, chunk(1, 77, 1, 0), "type 77"},
		{"extents for a read", hello(), read, status(7, 1024), "type 5"},
		{"data for a block status", hello(), find, data(1, 4096, 512), "type 1"},
		{"a chunk of 4 GiB", hello(), read, chunk(1, wire.ChunkData, 1, 0xffffffff, kib[:8]...), "4294967287 bytes"},
		{"data without bytes", hello(), read, chunk(1, wire.ChunkData, 1, 8, kib[:8]...), "data chunk of 8"},
		{"data without an offset", hello(), read, chunk(1, wire.ChunkData, 1, 0), "data chunk of 0"},
		{"data before the range", hello(), read, data(1, 4095, 100), "at offset 4095"},
		{"data behind the range", hello(), read, data(1, 4096+1000, 100), "at offset 5096"},
		{"data at the end of the world", hello(), read, data(1, ^uint64(0), 100), "at offset 18446744073709551615"},
		{"data twice", hello(), read, join(data(0, 4096, 600), data(1, 4600, 500)), "came twice"},
		{"a hole over data", hello(), read, join(data(0, 4096, 600), wire.AppendHoleChunk(nil, 1, wire.Tag{Cookie: 1}, 4096, 1024)), "came twice"},
		{"an empty hole", hello(), read, wire.AppendHoleChunk(nil, 1, wire.Tag{Cookie: 1}, 4096, 0), "0 bytes at"},
		{"a hole that is too long", hello(), read, wire.AppendHoleChunk(nil, 1, wire.Tag{Cookie: 1}, 4096, 1025), "1025 bytes"},
		{"a hole chunk of 13 bytes", hello(), read, chunk(1, wire.ChunkHole, 1, 13, kib[:13]...), "hole chunk of 13"},
		{"the end is missing", hello(), read, data(1, 4096, 1023), "parts missing"},
		{"the middle is missing", hello(), read, join(data(0, 4096, 500), data(1, 4600, 520)), "parts missing"},
		{"all is missing", hello(), read, wire.AppendNoneChunk(nil, wire.Tag{Cookie: 1}), "parts missing"},
		{"another context", hello(), find, status(8, 1024), "context"},
		{"a context twice", hello(), find, join(chunk(0, wire.ChunkBlockStatus, 1, 12, status(7, 512)[20:]...), status(7, 512)), "or twice"},
		{"no extents", hello(), find, wire.AppendNoneChunk(nil, wire.Tag{Cookie: 1}), "no extents"},
		{"an empty extent list", hello(), find, status(7), "block status chunk of 4"},
		{"half an extent", hello(), find, chunk(1, wire.ChunkBlockStatus, 1, 16, kib[:16]...), "block status chunk of 16"},
		{"a block status of 2 bytes", hello(), find, chunk(1, wire.ChunkBlockStatus, 1, 2, 0, 0), "block status chunk of 2"},
		{"a block status of 4 GiB", hello(), find, chunk(1, wire.ChunkBlockStatus, 1, 0xfffffffc, 0), "block status chunk of"},
		{"an extent of no length", hello(), find, status(7, 512, 0), "extent of 0"},
		{"extents behind the range", hello(), find, status(7, 1024, 1), "extent of 1 bytes after 1024"},
		{"an error of no number", hello(), read, chunk(1, wire.ChunkError, 1, 6, make([]byte, 6)...), "without an error"},
		{"an error of 3 bytes", hello(), read, chunk(1, wire.ChunkError, 1, 3, 0, 0, 0), "error chunk of 3"},
		{"an error of 4 GiB", hello(), read, chunk(1, wire.ChunkError, 1, 0xffffffff), "error chunk of"},
		{"a text longer than its chunk", hello(), read, chunk(1, wire.ChunkError, 1, 8, 0, 0, 0, 5, 0, 9, 'a', 'b'), "text of 9"},
		{"an error with a tail", hello(), read, chunk(1, wire.ChunkError, 1, 8, 0, 0, 0, 5, 0, 1, 'a', 'b'), "text of 1"},
		{"good, extended", helloExtended(), read, append(wire.AppendDataChunk(nil, 1, long, 4096, 1024), kib...), ""},
		{"good extents of 64 bits", helloExtended(), find, longStatus(7, 1<<40), ""},
		{"a chunk of the other form", helloExtended(), read, wire.AppendNoneChunk(nil, wire.Tag{Cookie: 1}), "not agreed"},
		{"an extended chunk, not agreed", hello(), read, wire.AppendNoneChunk(nil, long), "not agreed"},
		{"a simple reply after extended headers", helloExtended(), read, wire.AppendSimpleReply(nil, wire.EIO, 1), "after extended headers"},
		{"another request's offset", helloExtended(), read, wire.AppendNoneChunk(nil, wire.Tag{Cookie: 1, Offset: 1, Extended: true}), "a reply to offset 1"},
		{"a data chunk of 2^63", helloExtended(), read, longChunk(0, wire.ChunkData, 1<<63), "9223372036854775800 bytes at"},
		{"a hole chunk of 2^32 + 12", helloExtended(), read, longChunk(0, wire.ChunkHole, 1<<32+12), "hole chunk of 4294967308"},
		{"an error of 2^32 + 6", helloExtended(), read, longChunk(0, wire.ChunkError, 1<<32+6), "error chunk of 4294967302"},
		{"a long block status of 2^63", helloExtended(), find, longChunk(0, wire.ChunkStatusLong, 1<<63), "for 0 extents"},
		{"a long block status of 4 bytes", helloExtended(), find, longChunk(0, wire.ChunkStatusLong, 4), "block status chunk of 4"},
		{"a short block status after extended headers", helloExtended(), find, longChunk(0, wire.ChunkBlockStatus, 12), "chunk of type 5"},
		{"a long extent of nothing", helloExtended(), find, longStatus(7, 0), "extent of 0"},
		{"another context, long", helloExtended(), find, longStatus(8, 1024), "not asked for"},
		{"an error, and the connection ends", hello(), read, chunk(0, wire.ChunkError, 1, 6, 0, 0, 0, 5, 0, 0), "the server closed"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				asked := make(chan struct{})
				go func() {
					theirs.Write(x.hello)
					<-asked
					synctest.Wait() // the request is in flight
					theirs.Write(x.sent)
					theirs.Close()
				}()
				go io.Copy(io.Discard, theirs)
				c, err := New(t.Context(), ours, "")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				close(asked)
				err = x.do(c)
				if x.says == "" && err != nil {
					t.Error(err)
				}
				if x.says != "" && (err == nil || !strings.Contains(err.Error(), x.says)) {
					t.Errorf("%v does not say %q", err, x.says)
				}
			})
		})
	}
}

// A read may come in any number of parts, up to a bound.
func TestTooManyPartsAreRefused(t *testing.T) {
	var r ranges
	for i := range uint64(maxRanges) {
		if !r.add(2*i, 2*i+1) {
			t.Fatalf("part %d was refused", i)
		}
	}
	if r.add(1<<40, 1<<41) {
		t.Error("one more was taken")
	}
	if !r.add(1, 2) || len(r) != maxRanges-1 {
		t.Error("one that joins two was refused")
	}
}

// A server that stops in the middle of a payload holds neither the caller that gives up nor its memory.
func TestACallerLeavesInTheMiddleOfAPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		more := make(chan struct{})
		go func() {
			theirs.Write(helloSimple())
			synctest.Wait()
			theirs.Write(append(wire.AppendSimpleReply(nil, 0, 1), make([]byte, inputSize+500)...))
			<-more
			theirs.Write(make([]byte, 2*inputSize-inputSize-500))
			synctest.Wait() // the next request is in flight
			theirs.Write(append(wire.AppendSimpleReply(nil, 0, 2), 1, 2, 3, 4))
		}()
		go io.Copy(io.Discard, theirs)
		c, err := New(t.Context(), ours, "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b := make([]byte, 2*inputSize)
		if err := c.ReadAt(ctx, b, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		clear(b)
		close(more)
		if err := c.ReadAt(t.Context(), b[:4], 0); err != nil || b[3] != 4 {
			t.Errorf("the next read: %v, %v", b[:4], err)
		}
	})
}

// A server that does not read holds nobody either.
func TestACallerLeavesBeforeItsRequestIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go theirs.Write(helloSimple())
		go io.CopyN(io.Discard, theirs, 4+16+16+(16+4+2+2))
		c, err := New(t.Context(), ours, "")
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.WriteAt(ctx, make([]byte, 512), 0, block.FUA); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the one who sends: %v", err)
		}
		go io.CopyN(io.Discard, theirs, wire.RequestSize+100) // a part of the next one
		synctest.Wait()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.WriteAt(ctx, make([]byte, 512), 0, 0); err == nil {
			t.Error("the one of which a part was sent went well")
		}
		if err := c.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "cancelled") {
			t.Errorf("the stream is out of step, but: %v", err)
		}
		c.Close()
	})
}
