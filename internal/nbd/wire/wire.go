// Package wire is the NBD protocol's bytes: its numbers, its headers, and its limits. It encodes by appending to the
// caller's slices and decodes from them; it does no I/O, takes no memory, and knows no policy. All numbers travel
// big-endian. Section names in comments are those of the protocol document, proto.md.
package wire

// Magic numbers.
const (
	magicServer      = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption      = 0x49484156454f5054 // "IHAVEOPT"
	magicOldstyle    = 0x0000420281861253
	magicOptionReply = 0x0003e889045565a9
	magicRequest     = 0x25609513
	magicSimple      = 0x67446698
	magicChunk       = 0x668e33ef

	magicExtendedRequest = 0x21e41c71
	magicExtendedChunk   = 0x6e8a278c
)

// Sizes of what comes in, in bytes.
const (
	ClientFlagsSize  = 4
	OptionHeaderSize = 16
	RequestSize      = 28

	ExtendedRequestSize = 32
)

// Limits.
const (
	MaxString  = 4096     // bytes in a name, a query or a text ("Values")
	MaxPayload = 64 << 20 // bytes of data in a request or a reply: what is advertised as the maximum block size
	MaxExtents = 1 << 20  // in one chunk of NBD_REPLY_TYPE_BLOCK_STATUS
	// MaxExtent is the longest extent that 32 bits can tell and that ends on a multiple of 4096 where it begins on one.
	MaxExtent = 0xfffff000
)

// Errno is an error's number on the wire ("Error values").
type Errno uint32

const (
	EPERM     Errno = 1
	EIO       Errno = 5
	ENOMEM    Errno = 12
	EINVAL    Errno = 22
	ENOSPC    Errno = 28
	EOVERFLOW Errno = 75
	ENOTSUP   Errno = 95
	ESHUTDOWN Errno = 108
)
