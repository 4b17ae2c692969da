package block

// ExtentFlags say what a stretch of a disk is; 0 is allocated data. The bits are base:allocation's
// (proto.md, "base:allocation" metadata context).
type ExtentFlags uint32

const (
	Hole ExtentFlags = 1 << iota // not allocated
	Zero                         // reads as zeroes
)

// Extent is a stretch of bytes with the same flags. Its place follows from those before it.
type Extent struct {
	Length uint64
	Flags  ExtentFlags
}
