// Package block is the middle of the house: what is asked of a disk, who answers, and the one checked door between
// two layers. The protocol server stands above it, plugins and filters fill it; it knows neither a wire nor a screen.
package block

import (
	"errors"
	"syscall"
)

// Cmd is what a request asks for.
type Cmd uint8

const (
	Read Cmd = iota
	Write
	Flush
	Trim
	WriteZeroes
	Cache
	BlockStatus

	Commands = int(BlockStatus) + 1 // how many there are
)

var cmdNames = [Commands]string{"read", "write", "flush", "trim", "write-zeroes", "cache", "block-status"}

func (c Cmd) String() string { return cmdNames[c] }

// Changes reports whether the command changes what the disk holds.
func (c Cmd) Changes() bool { return c == Write || c == Trim || c == WriteZeroes }

// Flags refine a request.
type Flags uint8

const (
	FUA      Flags = 1 << iota // a change: on stable storage before the answer
	MayTrim                    // WriteZeroes: a hole may be made (NO_HOLE is clear)
	FastZero                   // WriteZeroes: at once, or ENOTSUP with nothing changed
	ReqOne                     // BlockStatus: one extent is enough
	NoWait                     // answer now, or ErrWait with nothing done and nothing charged
	DiskWait                   // beside NoWait: the disk itself may be waited for
)

// Request is what is asked: plain data, free to copy, log and replay.
type Request struct {
	Cmd    Cmd
	Flags  Flags
	Offset uint64 // bytes
	Length uint64 // bytes; 0 for Flush
	Data   []byte // Write: the payload, len == Length; the caller's, never changed or kept
}

// Errors are POSIX numbers, wrapped with what was being done; the protocol server maps them to the wire.
var (
	// ErrWait answers a NoWait request that could not be answered at once. It never reaches a client.
	ErrWait = errors.New("would wait")
	// ErrShutdown answers a request whose session or client is going away.
	ErrShutdown error = syscall.ESHUTDOWN
)
