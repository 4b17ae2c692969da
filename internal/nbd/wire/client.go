package wire

// The client's half: what a server decodes is encoded here, and what it encodes is decoded.

// Sizes of what a server sends, in bytes.
const (
	GreetingSize    = 18
	OptionReplySize = 20
	ExportSize      = 10  // the answer to NBD_OPT_EXPORT_NAME
	ExportPadding   = 124 // follows it unless both sides said NoZeroes
	SimpleReplySize = 16
	ChunkSize       = 20

	ExtendedChunkSize = 32
	InfoExportSize    = 12
	InfoBlocksSize    = 14
)

// IsError reports whether the reply refuses the option; its data is then a text for people.
func (r ReplyType) IsError() bool { return r&(1<<31) != 0 }

// Refusals that a client can explain.
const (
	RepErrPlatform      ReplyType = 1<<31 + 4
	RepErrBlockSizeReqd ReplyType = 1<<31 + 8
)

// Greeting is what a server may say first.
type Greeting int

const (
	Newstyle Greeting = iota
	Oldstyle          // no options; dropped by every server long ago
	NotNBD
)

// DecodeGreeting decodes GreetingSize bytes; flags are the server's handshake flags.
func DecodeGreeting(b []byte) (g Greeting, flags uint16) {
	switch {
	case be.Uint64(b) != magicServer:
		return NotNBD, 0
	case be.Uint64(b[8:]) == magicOldstyle:
		return Oldstyle, 0
	case be.Uint64(b[8:]) != magicOption:
		return NotNBD, 0
	}
	return Newstyle, be.Uint16(b[16:])
}

// AppendClientFlags appends the answer to the greeting.
func AppendClientFlags(b []byte, flags uint32) []byte { return be.AppendUint32(b, flags) }

// AppendOption appends the header of an option; length bytes of data follow it.
func AppendOption(b []byte, o OptionType, length int) []byte {
	b = be.AppendUint64(b, magicOption)
	b = be.AppendUint32(b, uint32(o))
	return be.AppendUint32(b, uint32(length))
}

// AppendInfoRequest appends NBD_OPT_INFO or NBD_OPT_GO.
func AppendInfoRequest(b []byte, o OptionType, export string, infos ...InfoType) []byte {
	b = AppendOption(b, o, 4+len(export)+2+2*len(infos))
	b = be.AppendUint32(b, uint32(len(export)))
	b = append(b, export...)
	b = be.AppendUint16(b, uint16(len(infos)))
	for _, i := range infos {
		b = be.AppendUint16(b, uint16(i))
	}
	return b
}

// AppendContextRequest appends NBD_OPT_SET_META_CONTEXT or NBD_OPT_LIST_META_CONTEXT with one query.
func AppendContextRequest(b []byte, o OptionType, export, query string) []byte {
	b = AppendOption(b, o, 4+len(export)+4+4+len(query))
	b = be.AppendUint32(b, uint32(len(export)))
	b = append(b, export...)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(len(query)))
	return append(b, query...)
}

// OptionReply is the header of the answer to an option; Length bytes of data follow it.
type OptionReply struct {
	Option OptionType
	Type   ReplyType
	Length uint32
}

// DecodeOptionReply decodes OptionReplySize bytes. ok is false where the magic number is wrong.
func DecodeOptionReply(b []byte) (r OptionReply, ok bool) {
	return OptionReply{OptionType(be.Uint32(b[8:])), ReplyType(be.Uint32(b[12:])), be.Uint32(b[16:])},
		be.Uint64(b) == magicOptionReply
}

// DecodeMetaContext decodes the data of NBD_REP_META_CONTEXT.
func DecodeMetaContext(data []byte) (id uint32, name []byte, ok bool) {
	if len(data) < 4 {
		return 0, nil, false
	}
	return be.Uint32(data), data[4:], true
}

// DecodeInfoType is the type that the data of NBD_REP_INFO begins with.
func DecodeInfoType(data []byte) (t InfoType, ok bool) {
	if len(data) < 2 {
		return 0, false
	}
	return InfoType(be.Uint16(data)), true
}

// DecodeInfoExport decodes InfoExportSize bytes of NBD_INFO_EXPORT.
func DecodeInfoExport(data []byte) (size uint64, flags TransmissionFlags) {
	return DecodeExport(data[2:])
}

// DecodeInfoBlockSize decodes InfoBlocksSize bytes of NBD_INFO_BLOCK_SIZE.
func DecodeInfoBlockSize(data []byte) (minimum, preferred, maximum uint32) {
	return be.Uint32(data[2:]), be.Uint32(data[6:]), be.Uint32(data[10:])
}

// DecodeExport decodes ExportSize bytes: the answer to NBD_OPT_EXPORT_NAME.
func DecodeExport(b []byte) (size uint64, flags TransmissionFlags) {
	return be.Uint64(b), TransmissionFlags(be.Uint16(b[8:]))
}

// AppendRequest appends a request's header; the data of a CmdWrite follows it.
func AppendRequest(b []byte, r Request) []byte {
	b = be.AppendUint32(b, magicRequest)
	b = be.AppendUint16(b, uint16(r.Flags))
	b = be.AppendUint16(b, uint16(r.Type))
	b = be.AppendUint64(b, r.Cookie)
	b = be.AppendUint64(b, r.Offset)
	return be.AppendUint32(b, uint32(r.Length))
}

// AppendExtendedRequest appends an extended request's header; the payload follows it where FlagPayloadLen says so.
func AppendExtendedRequest(b []byte, r Request) []byte {
	b = be.AppendUint32(b, magicExtendedRequest)
	b = be.AppendUint16(b, uint16(r.Flags))
	b = be.AppendUint16(b, uint16(r.Type))
	b = be.AppendUint64(b, r.Cookie)
	b = be.AppendUint64(b, r.Offset)
	return be.AppendUint64(b, r.Length)
}

// ReplyKind tells a reply by its magic number.
type ReplyKind int

const (
	NoReply ReplyKind = iota
	Simple
	Chunk
	ExtendedChunk
)

// DecodeReplyKind looks at the first 4 bytes of a reply: a Simple one is SimpleReplySize long, a Chunk ChunkSize, an
// ExtendedChunk ExtendedChunkSize.
func DecodeReplyKind(b []byte) ReplyKind {
	switch be.Uint32(b) {
	case magicSimple:
		return Simple
	case magicChunk:
		return Chunk
	case magicExtendedChunk:
		return ExtendedChunk
	}
	return NoReply
}

// DecodeSimpleReply decodes SimpleReplySize bytes, behind a magic number that was looked at.
func DecodeSimpleReply(b []byte) (e Errno, cookie uint64) {
	return Errno(be.Uint32(b[4:])), be.Uint64(b[8:])
}

// ChunkType is what a structured reply chunk holds ("Structured reply types").
type ChunkType uint16

const (
	ChunkNone        ChunkType = chunkNone
	ChunkData        ChunkType = chunkData
	ChunkHole        ChunkType = chunkHole
	ChunkBlockStatus ChunkType = chunkBlockStatus
	ChunkStatusLong  ChunkType = chunkStatusLong
	ChunkError       ChunkType = chunkError
	ChunkErrorOffset ChunkType = chunkError + 1
)

// IsError reports whether the chunk says that the request failed. All such chunks begin alike.
func (t ChunkType) IsError() bool { return t&(1<<15) != 0 }

// ChunkHeader is the header of a structured reply chunk; Length bytes follow it.
type ChunkHeader struct {
	Flags  uint16
	Type   ChunkType
	Cookie uint64
	Offset uint64 // the request's; 0 without extended headers
	Length uint64 // 32 bits of it without extended headers
}

// DecodeChunk decodes ChunkSize bytes, behind a magic number that was looked at.
func DecodeChunk(b []byte) ChunkHeader {
	return ChunkHeader{be.Uint16(b[4:]), ChunkType(be.Uint16(b[6:])), be.Uint64(b[8:]), 0, uint64(be.Uint32(b[16:]))}
}

// DecodeExtendedChunk decodes ExtendedChunkSize bytes, behind a magic number that was looked at.
func DecodeExtendedChunk(b []byte) ChunkHeader {
	return ChunkHeader{be.Uint16(b[4:]), ChunkType(be.Uint16(b[6:])), be.Uint64(b[8:]), be.Uint64(b[16:]), be.Uint64(b[24:])}
}

// Sizes of what the chunks begin with, in bytes.
const (
	DataHeadSize   = 8  // of ChunkData: the offset
	HoleSize       = 12 // of ChunkHole: the offset and the length
	StatusHeadSize = 4  // of ChunkBlockStatus: the context's id
	ExtentSize     = 8
	// Of ChunkStatusLong: the context's id and the number of extents, and an extent.
	StatusLongHeadSize = 8
	LongExtentSize     = 16
	ErrorHeadSize      = 6 // of an error chunk: the number, and the length of the text that follows
)

// DecodeOffset decodes the offset that ChunkData and ChunkHole begin with.
func DecodeOffset(b []byte) uint64 { return be.Uint64(b) }

// DecodeHole decodes HoleSize bytes.
func DecodeHole(b []byte) (offset, n uint64) { return be.Uint64(b), uint64(be.Uint32(b[8:])) }

// DecodeContext decodes the StatusHeadSize bytes that a ChunkBlockStatus begins with.
func DecodeContext(b []byte) (id uint32) { return be.Uint32(b) }

// DecodeExtent decodes ExtentSize bytes.
func DecodeExtent(b []byte) (n uint64, flags uint32) { return uint64(be.Uint32(b)), be.Uint32(b[4:]) }

// DecodeStatusLongHead decodes StatusLongHeadSize bytes.
func DecodeStatusLongHead(b []byte) (id, count uint32) { return be.Uint32(b), be.Uint32(b[4:]) }

// DecodeLongExtent decodes LongExtentSize bytes.
func DecodeLongExtent(b []byte) (n, flags uint64) { return be.Uint64(b), be.Uint64(b[8:]) }

// DecodeErrorHead decodes ErrorHeadSize bytes.
func DecodeErrorHead(b []byte) (e Errno, text uint16) { return Errno(be.Uint32(b)), be.Uint16(b[4:]) }
