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
)

// Request is a request's header; the Length bytes of data of a CmdWrite follow it.
type Request struct {
	Flags  CommandFlags
	Type   CommandType
	Cookie uint64 // the client's name for the request; it may use one twice
	Offset uint64
	Length uint32
}

// DecodeRequest decodes RequestSize bytes. ok is false where the magic number is wrong.
func DecodeRequest(b []byte) (r Request, ok bool) {
	_ = b[RequestSize-1]
	return Request{
		Flags:  CommandFlags(be.Uint16(b[4:])),
		Type:   CommandType(be.Uint16(b[6:])),
		Cookie: be.Uint64(b[8:]),
		Offset: be.Uint64(b[16:]),
		Length: be.Uint32(b[24:]),
	}, be.Uint32(b) == magicRequest
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
	chunkError       = 1<<15 + 1
)

func appendChunk(b []byte, flags, chunk uint16, cookie uint64, length int) []byte {
	b = be.AppendUint32(b, magicChunk)
	b = be.AppendUint16(b, flags)
	b = be.AppendUint16(b, chunk)
	b = be.AppendUint64(b, cookie)
	return be.AppendUint32(b, uint32(length))
}

// AppendNoneChunk appends NBD_REPLY_TYPE_NONE, which is always the last.
func AppendNoneChunk(b []byte, cookie uint64) []byte {
	return appendChunk(b, ChunkDone, chunkNone, cookie, 0)
}

// AppendDataChunk appends the head of NBD_REPLY_TYPE_OFFSET_DATA; n bytes of data follow it.
func AppendDataChunk(b []byte, flags uint16, cookie, offset, n uint64) []byte {
	b = appendChunk(b, flags, chunkData, cookie, 8+int(n))
	return be.AppendUint64(b, offset)
}

// AppendHoleChunk appends NBD_REPLY_TYPE_OFFSET_HOLE for n bytes.
func AppendHoleChunk(b []byte, flags uint16, cookie, offset, n uint64) []byte {
	b = appendChunk(b, flags, chunkHole, cookie, 12)
	b = be.AppendUint64(b, offset)
	return be.AppendUint32(b, uint32(n))
}

// AppendBlockStatusChunk appends the head of NBD_REPLY_TYPE_BLOCK_STATUS, the last chunk of its reply; n extents
// follow it.
func AppendBlockStatusChunk(b []byte, cookie uint64, context uint32, n int) []byte {
	b = appendChunk(b, ChunkDone, chunkBlockStatus, cookie, 4+8*n)
	return be.AppendUint32(b, context)
}

// AppendExtent appends an extent of n bytes.
func AppendExtent(b []byte, n, flags uint32) []byte {
	return be.AppendUint32(be.AppendUint32(b, n), flags)
}

// AppendErrorChunk appends NBD_REPLY_TYPE_ERROR, the last chunk of its reply, with a text for people.
func AppendErrorChunk(b []byte, cookie uint64, e Errno, text string) []byte {
	b = appendChunk(b, ChunkDone, chunkError, cookie, 6+len(text))
	b = be.AppendUint32(b, uint32(e))
	b = be.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}
