package wire

// InfoType is a piece of information about an export (NBD_REP_INFO).
type InfoType uint16

const (
	InfoExport      InfoType = 0
	InfoName        InfoType = 1
	InfoDescription InfoType = 2
	InfoBlockSize   InfoType = 3
)

// InfoRequest is the data of NBD_OPT_INFO and NBD_OPT_GO.
type InfoRequest struct {
	Name []byte // a piece of what was decoded
	ids  []byte
}

// DecodeInfoRequest decodes data. ok is false unless its lengths fill it exactly.
func DecodeInfoRequest(data []byte) (r InfoRequest, ok bool) {
	if len(data) < 6 {
		return r, false
	}
	n := uint64(be.Uint32(data))
	if n > uint64(len(data)-6) {
		return r, false
	}
	r.Name, data = data[4:4+n], data[4+n:]
	r.ids = data[2:]
	return r, len(r.ids) == 2*int(be.Uint16(data))
}

// Asks reports whether the client asks for t. Asking twice is asking once.
func (r InfoRequest) Asks(t InfoType) bool {
	for ids := r.ids; len(ids) > 0; ids = ids[2:] {
		if InfoType(be.Uint16(ids)) == t {
			return true
		}
	}
	return false
}

// AppendInfoExport appends NBD_INFO_EXPORT.
func AppendInfoExport(b []byte, o OptionType, size uint64, flags TransmissionFlags) []byte {
	b = AppendOptionReply(b, o, RepInfo, 12)
	b = be.AppendUint16(b, uint16(InfoExport))
	b = be.AppendUint64(b, size)
	return be.AppendUint16(b, uint16(flags))
}

// AppendInfoText appends NBD_INFO_NAME or NBD_INFO_DESCRIPTION.
func AppendInfoText(b []byte, o OptionType, t InfoType, text string) []byte {
	b = AppendOptionReply(b, o, RepInfo, 2+len(text))
	return append(be.AppendUint16(b, uint16(t)), text...)
}

// AppendInfoBlockSize appends NBD_INFO_BLOCK_SIZE: the minimum, the preferred size and the largest payload, in bytes.
func AppendInfoBlockSize(b []byte, o OptionType, minimum, preferred, maximum uint32) []byte {
	b = AppendOptionReply(b, o, RepInfo, 14)
	b = be.AppendUint16(b, uint16(InfoBlockSize))
	b = be.AppendUint32(b, minimum)
	b = be.AppendUint32(b, preferred)
	return be.AppendUint32(b, maximum)
}

// TransmissionFlags say what an export can do ("Transmission flags").
type TransmissionFlags uint16

const (
	HasFlags TransmissionFlags = 1 << iota
	ReadOnly
	SendFlush
	SendFUA
	Rotational
	SendTrim
	SendWriteZeroes
	SendDF
	CanMultiConn
	_ // SEND_RESIZE, an extension that nobody has
	SendCache
	SendFastZero
	BlockStatusPayload
)
