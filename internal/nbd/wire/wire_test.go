package wire

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// TestBytes compares with bytes written by hand from the protocol document.
func TestBytes(t *testing.T) {
	for name, s := range map[string]struct {
		got  []byte
		want string
	}{
		"greeting":      {AppendGreeting(nil, FixedNewstyle|NoZeroes), "4e42444d41474943 49484156454f5054 0003"},
		"option reply":  {AppendOptionReply(nil, OptGo, RepAck, 0), "0003e889045565a9 00000007 00000001 00000000"},
		"option error":  {AppendOptionText(nil, OptList, RepErrPolicy, "no"), "0003e889045565a9 00000003 80000002 00000002 6e6f"},
		"server":        {AppendServer(nil, OptList, "a", "bc"), "0003e889045565a9 00000003 00000002 00000007 00000001 61 6263"},
		"meta context":  {AppendMetaContext(nil, OptSetMetaContext, 1, "x:y"), "0003e889045565a9 0000000a 00000004 00000007 00000001 783a79"},
		"info export":   {AppendInfoExport(nil, OptInfo, 512, HasFlags|SendFastZero), "0003e889045565a9 00000006 00000003 0000000c 0000 0000000000000200 0801"},
		"info name":     {AppendInfoText(nil, OptInfo, InfoName, "a"), "0003e889045565a9 00000006 00000003 00000003 0001 61"},
		"block sizes":   {AppendInfoBlockSize(nil, OptGo, 1, 4096, MaxPayload), "0003e889045565a9 00000007 00000003 0000000e 0003 00000001 00001000 04000000"},
		"export name":   {AppendExport(nil, 1, HasFlags|CanMultiConn, true), "0000000000000001 0101"},
		"and zeroes":    {AppendExport(nil, 1, HasFlags|SendCache, false), "0000000000000001 0401" + strings.Repeat("00", 124)},
		"simple reply":  {AppendSimpleReply(nil, ESHUTDOWN, 0x0102030405060708), "67446698 0000006c 0102030405060708"},
		"none":          {AppendNoneChunk(nil, Tag{Cookie: 2}), "668e33ef 0001 0000 0000000000000002 00000000"},
		"data":          {AppendDataChunk(nil, ChunkDone, Tag{Cookie: 2}, 3, 4), "668e33ef 0001 0001 0000000000000002 0000000c 0000000000000003"},
		"hole":          {AppendHoleChunk(nil, 0, Tag{Cookie: 2}, 3, 4), "668e33ef 0000 0002 0000000000000002 0000000c 0000000000000003 00000004"},
		"block status":  {AppendExtent(AppendBlockStatusChunk(nil, Tag{Cookie: 2}, 1, 1), Tag{}, 9, 3), "668e33ef 0001 0005 0000000000000002 0000000c 00000001 00000009 00000003"},
		"error":         {AppendErrorChunk(nil, Tag{Cookie: 2}, ENOSPC, "full"), "668e33ef 0001 8001 0000000000000002 0000000a 0000001c 0004 66756c6c"},
		"a long write":  {AppendExtendedRequest(nil, Request{FlagPayloadLen, CmdWrite, 2, 3, 1 << 40}), "21e41c71 0020 0001 0000000000000002 0000000000000003 0000010000000000"},
		"long none":     {AppendNoneChunk(nil, Tag{2, 3, true}), "6e8a278c 0001 0000 0000000000000002 0000000000000003 0000000000000000"},
		"long data":     {AppendDataChunk(nil, 0, Tag{2, 3, true}, 4, 5), "6e8a278c 0000 0001 0000000000000002 0000000000000003 000000000000000d 0000000000000004"},
		"long status":   {AppendExtent(AppendBlockStatusChunk(nil, Tag{2, 3, true}, 1, 1), Tag{Extended: true}, 1<<40, 3), "6e8a278c 0001 0006 0000000000000002 0000000000000003 0000000000000018 00000001 00000001 0000010000000000 0000000000000003"},
		"largest reply": {AppendDataChunk(nil, 0, Tag{Cookie: 0}, 0, MaxPayload)[16:20], "04000008"},
	} {
		if want, err := hex.DecodeString(strings.ReplaceAll(s.want, " ", "")); err != nil || !bytes.Equal(s.got, want) {
			t.Errorf("%s: %x, want %s (%v)", name, s.got, s.want, err)
		}
	}
}

func TestDecodeRequest(t *testing.T) {
	b, _ := hex.DecodeString("25609513" + "0011" + "0006" + "0102030405060708" + "8000000000000000" + "ffffffff")
	want := Request{FlagFUA | FlagFastZero, CmdWriteZeroes, 0x0102030405060708, 1 << 63, 0xffffffff}
	if r, ok := DecodeRequest(b); !ok || r != want {
		t.Errorf("%+v %v", r, ok)
	}
	b[0]++
	if _, ok := DecodeRequest(b); ok {
		t.Error("a wrong magic number was taken")
	}
}

// FuzzDecode wants decoders to stay within what they were given, and iterators to end with it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01a\x00\x01\x00\x03"))
	f.Add([]byte("\x00\x00\x00\x01a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x05base:"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, ok := DecodeInfoRequest(data); ok {
			if n := 4 + len(r.Name) + 2 + len(r.ids); n != len(data) {
				t.Errorf("%d bytes of %d", n, len(data))
			}
			r.Asks(InfoBlockSize)
		}
		if r, ok := DecodeContextRequest(data); ok {
			n := 4 + len(r.Export) + 4
			for !r.Empty() {
				n += 4 + len(r.Next())
			}
			if n != len(data) {
				t.Errorf("%d bytes of %d", n, len(data))
			}
		}
	})
}

func TestHeadersTakeNoMemory(t *testing.T) {
	b := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		AppendErrorChunk(AppendHoleChunk(AppendSimpleReply(b, 0, 1), 0, Tag{Cookie: 1}, 2, 3), Tag{Cookie: 1}, EIO, "text")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
