package wire

import "encoding/binary"

// be is the order of bytes.
var be = binary.BigEndian

// Handshake flags of the server, and the client's answer to each ("Flag fields").
const (
	FixedNewstyle = 1 << 0
	NoZeroes      = 1 << 1
)

// AppendGreeting appends what the server says first.
func AppendGreeting(b []byte, flags uint16) []byte {
	b = be.AppendUint64(b, magicServer)
	b = be.AppendUint64(b, magicOption)
	return be.AppendUint16(b, flags)
}

// AppendOldstyle appends all that a server says in the oldstyle handshake ("Oldstyle negotiation").
func AppendOldstyle(b []byte, size uint64, flags TransmissionFlags) []byte {
	b = be.AppendUint64(b, magicServer)
	b = be.AppendUint64(b, magicOldstyle)
	b = be.AppendUint64(b, size)
	b = be.AppendUint32(b, uint32(flags))
	return append(b, make([]byte, 124)...)
}

// DecodeClientFlags decodes ClientFlagsSize bytes.
func DecodeClientFlags(b []byte) uint32 { return be.Uint32(b) }

// OptionType is what the client haggles about ("Option types").
type OptionType uint32

const (
	OptExportName      OptionType = 1
	OptAbort           OptionType = 2
	OptList            OptionType = 3
	OptStartTLS        OptionType = 5
	OptInfo            OptionType = 6
	OptGo              OptionType = 7
	OptStructuredReply OptionType = 8
	OptListMetaContext OptionType = 9
	OptSetMetaContext  OptionType = 10
	OptExtendedHeaders OptionType = 11
)

// Option is the header of an option; Length bytes of data follow it.
type Option struct {
	Type   OptionType
	Length uint32
}

// DecodeOption decodes OptionHeaderSize bytes. ok is false where the magic number is wrong.
func DecodeOption(b []byte) (o Option, ok bool) {
	return Option{OptionType(be.Uint32(b[8:])), be.Uint32(b[12:])}, be.Uint64(b) == magicOption
}

// ReplyType answers an option ("Option reply types").
type ReplyType uint32

const (
	RepAck         ReplyType = 1
	RepServer      ReplyType = 2
	RepInfo        ReplyType = 3
	RepMetaContext ReplyType = 4

	RepErrUnsup    ReplyType = 1<<31 + 1
	RepErrPolicy   ReplyType = 1<<31 + 2
	RepErrInvalid  ReplyType = 1<<31 + 3
	RepErrTLSReqd  ReplyType = 1<<31 + 5
	RepErrUnknown  ReplyType = 1<<31 + 6
	RepErrShutdown ReplyType = 1<<31 + 7
	RepErrTooBig   ReplyType = 1<<31 + 9

	RepErrExtHeaderReqd ReplyType = 1<<31 + 10
)

// AppendOptionReply appends the header of an option reply with length bytes of data.
func AppendOptionReply(b []byte, o OptionType, r ReplyType, length int) []byte {
	b = be.AppendUint64(b, magicOptionReply)
	b = be.AppendUint32(b, uint32(o))
	b = be.AppendUint32(b, uint32(r))
	return be.AppendUint32(b, uint32(length))
}

// AppendOptionText appends an option reply whose data is text: most errors.
func AppendOptionText(b []byte, o OptionType, r ReplyType, text string) []byte {
	return append(AppendOptionReply(b, o, r, len(text)), text...)
}

// AppendServer appends NBD_REP_SERVER.
func AppendServer(b []byte, o OptionType, name, description string) []byte {
	b = AppendOptionReply(b, o, RepServer, 4+len(name)+len(description))
	b = be.AppendUint32(b, uint32(len(name)))
	return append(append(b, name...), description...)
}

// AppendMetaContext appends NBD_REP_META_CONTEXT.
func AppendMetaContext(b []byte, o OptionType, id uint32, name string) []byte {
	b = AppendOptionReply(b, o, RepMetaContext, 4+len(name))
	return append(be.AppendUint32(b, id), name...)
}

// AppendExport appends the answer to NBD_OPT_EXPORT_NAME, which has no header.
func AppendExport(b []byte, size uint64, flags TransmissionFlags, noZeroes bool) []byte {
	b = be.AppendUint64(b, size)
	b = be.AppendUint16(b, uint16(flags))
	if !noZeroes {
		b = append(b, make([]byte, 124)...)
	}
	return b
}
