package wire

// CommandType is what a request asks for ("Request types").
type CommandType uint16

const (
	CmdRead        CommandType = 0
	CmdWrite       CommandType = 1
	CmdDisc        CommandType = 2
	CmdFlush       CommandType = 3
	CmdTrim        CommandType = 4
	CmdCache       CommandType = 5
	CmdWriteZeroes CommandType = 6
	CmdBlockStatus CommandType = 7
)

// CommandFlags refine a request ("Command flags").
type CommandFlags uint16

const (
	FlagFUA CommandFlags = 1 << iota
	FlagNoHole
	FlagDF
	FlagReqOne
	FlagFastZero
	FlagPayloadLen // extended headers: the length is that of a payload
)

// Request is a request's header; the Length bytes of data of a CmdWrite follow it.
type Request struct {
	Flags  CommandFlags
	Type   CommandType
	Cookie uint64 // the client's name for the request; it may use one twice
	Offset uint64
	Length uint64 // 32 bits of it without extended headers
}

// DecodeRequest decodes RequestSize bytes. ok is false where the magic number is wrong.
func DecodeRequest(b []byte) (r Request, ok bool) {
	_ = b[RequestSize-1]
	return Request{
		Flags:  CommandFlags(be.Uint16(b[4:])),
		Type:   CommandType(be.Uint16(b[6:])),
		Cookie: be.Uint64(b[8:]),
		Offset: be.Uint64(b[16:]),
		Length: uint64(be.Uint32(b[24:])),
	}, be.Uint32(b) == magicRequest
}

// DecodeExtendedRequest decodes ExtendedRequestSize bytes ("Extended request message").
func DecodeExtendedRequest(b []byte) (r Request, ok bool) {
	_ = b[ExtendedRequestSize-1]
	return Request{
		Flags:  CommandFlags(be.Uint16(b[4:])),
		Type:   CommandType(be.Uint16(b[6:])),
		Cookie: be.Uint64(b[8:]),
		Offset: be.Uint64(b[16:]),
		Length: be.Uint64(b[24:]),
	}, be.Uint32(b) == magicExtendedRequest
}

// StatusPayload is what a CmdBlockStatus with FlagPayloadLen carries: the length of the range, and the contexts that
// are asked for.
type StatusPayload struct {
	Length uint64
	ids    []byte
}

// DecodeStatusPayload decodes b. ok is false unless it holds a length, ids, and nothing else.
func DecodeStatusPayload(b []byte) (p StatusPayload, ok bool) {
	if len(b) < 12 || len(b)%4 != 0 {
		return p, false
	}
	return StatusPayload{be.Uint64(b), b[8:]}, true
}

// Only reports whether id, and nothing but that, is asked for.
func (p StatusPayload) Only(id uint32) bool { return len(p.ids) == 4 && be.Uint32(p.ids) == id }

// Tag says which request a chunk answers, and in which form.
type Tag struct {
	Cookie   uint64
	Offset   uint64 // the request's, which is told with extended headers
	Extended bool
}

// AppendSimpleReply appends a simple reply's header; the data of a successful CmdRead follows it.
func AppendSimpleReply(b []byte, e Errno, cookie uint64) []byte {
	b = be.AppendUint32(b, magicSimple)
	b = be.AppendUint32(b, uint32(e))
	return be.AppendUint64(b, cookie)
}

// ChunkDone is the flag of a reply's last structured chunk.
const ChunkDone = 1 << 0

const (
	chunkNone        = 0
	chunkData        = 1
	chunkHole        = 2
	chunkBlockStatus = 5
	chunkStatusLong  = 6 // NBD_REPLY_TYPE_BLOCK_STATUS_EXT
	chunkError       = 1<<15 + 1
)

func appendChunk(b []byte, flags, chunk uint16, t Tag, length int) []byte {
	if t.Extended {
		b = be.AppendUint32(b, magicExtendedChunk)
	} else {
		b = be.AppendUint32(b, magicChunk)
	}
	b = be.AppendUint16(b, flags)
	b = be.AppendUint16(b, chunk)
	b = be.AppendUint64(b, t.Cookie)
	if t.Extended {
		return be.AppendUint64(be.AppendUint64(b, t.Offset), uint64(length))
	}
	return be.AppendUint32(b, uint32(length))
}

// AppendNoneChunk appends NBD_REPLY_TYPE_NONE, which is always the last.
func AppendNoneChunk(b []byte, t Tag) []byte {
	return appendChunk(b, ChunkDone, chunkNone, t, 0)
}

// AppendDataChunk appends the head of NBD_REPLY_TYPE_OFFSET_DATA; n bytes of data follow it.
func AppendDataChunk(b []byte, flags uint16, t Tag, offset, n uint64) []byte {
	b = appendChunk(b, flags, chunkData, t, 8+int(n))
	return be.AppendUint64(b, offset)
}

// AppendHoleChunk appends NBD_REPLY_TYPE_OFFSET_HOLE for n bytes.
func AppendHoleChunk(b []byte, flags uint16, t Tag, offset, n uint64) []byte {
	b = appendChunk(b, flags, chunkHole, t, 12)
	b = be.AppendUint64(b, offset)
	return be.AppendUint32(b, uint32(n))
}

// AppendBlockStatusChunk appends the head of NBD_REPLY_TYPE_BLOCK_STATUS, or of NBD_REPLY_TYPE_BLOCK_STATUS_EXT, the
// last chunk of its reply; n extents follow it.
func AppendBlockStatusChunk(b []byte, t Tag, context uint32, n int) []byte {
	if t.Extended {
		b = appendChunk(b, ChunkDone, chunkStatusLong, t, 8+16*n)
		return be.AppendUint32(be.AppendUint32(b, context), uint32(n))
	}
	b = appendChunk(b, ChunkDone, chunkBlockStatus, t, 4+8*n)
	return be.AppendUint32(b, context)
}

// AppendExtent appends an extent of n bytes, at most MaxExtent without extended headers.
func AppendExtent(b []byte, t Tag, n uint64, flags uint32) []byte {
	if t.Extended {
		return be.AppendUint64(be.AppendUint64(b, n), uint64(flags))
	}
	return be.AppendUint32(be.AppendUint32(b, uint32(n)), flags)
}

// AppendErrorChunk appends NBD_REPLY_TYPE_ERROR, the last chunk of its reply, with a text for people.
func AppendErrorChunk(b []byte, t Tag, e Errno, text string) []byte {
	b = appendChunk(b, ChunkDone, chunkError, t, 6+len(text))
	b = be.AppendUint32(b, uint32(e))
	b = be.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}
