package block

import (
	"context"
	"io"
)

// Device is the least a plugin gives: bytes at an offset, and how many there are. It is used by several goroutines at
// once. What more it can do it says with the one-method interfaces below; FromDevice asks for each once.
type Device interface {
	io.ReaderAt
	Size() uint64 // asked once, by FromDevice
}

type (
	// Replier reads by saying what the bytes are (Reply.File, Reply.Hole). Without it ReadAt fills memory.
	Replier interface {
		ReplyAt(w *Reply, off, n uint64, f Flags) error
	}
	// Syncer puts what was written on stable storage. Without it neither Flush nor FUA is offered.
	Syncer interface {
		Sync() error
	}
	// Trimmer forgets what the range holds. Without it Trim is not offered.
	Trimmer interface {
		Trim(off, n uint64) error
	}
	// Zeroer makes the range read as zeroes; FastZero and MayTrim are the flags that it may meet. ENOTSUP means
	// that writing is as good. Without it zeroes are written.
	Zeroer interface {
		WriteZeroes(off, n uint64, f Flags) error
	}
	// Extenter puts into w what the range is: at least the first byte, and with ReqOne no more than one extent.
	// Without it everything is allocated.
	Extenter interface {
		ExtentsAt(w *Reply, off, n uint64, f Flags) error
	}
	// Cacher reads the range ahead. Without it Cache is emulated by reads.
	Cacher interface {
		CacheAt(off, n uint64) error
	}
	// Prompter answers a NoWait request at once, or returns ErrWait with nothing done. It meets no FUA, which waits
	// for the disk. Without it every NoWait request is ErrWait.
	Prompter interface {
		ServePrompt(r Request, w *Reply) error
	}
)

// FromDevice makes a handler of d. base gives what cannot be asked of the device's type: ReadOnly, MultiConn,
// Rotational, FastZero, the block sizes, and Cache Native where reading ahead has no use. A device that is an
// io.Closer is closed with the handler; one that is no io.WriterAt is read-only.
func FromDevice(d Device, base Info) Handler {
	h := &deviceHandler{Device: d, info: base}
	h.replier, _ = d.(Replier)
	h.prompter, _ = d.(Prompter)
	h.writer, _ = d.(io.WriterAt)
	h.syncer, _ = d.(Syncer)
	h.trimmer, _ = d.(Trimmer)
	h.zeroer, _ = d.(Zeroer)
	h.extenter, _ = d.(Extenter)
	h.cacher, _ = d.(Cacher)
	h.closer, _ = d.(io.Closer)

	i := &h.info
	i.Size = d.Size()
	i.ReadOnly = i.ReadOnly || h.writer == nil
	i.Flush = h.syncer != nil
	i.Extents = h.extenter != nil
	if !i.ReadOnly {
		i.Trim = h.trimmer != nil
		i.Zero = Emulate
		if h.zeroer != nil {
			i.Zero = Native
		}
		if i.Flush {
			i.FUA = Emulate
		}
	}
	i.FastZero = i.FastZero && !i.ReadOnly
	if h.cacher != nil {
		i.Cache = Native
	} else if i.Cache == None {
		i.Cache = Emulate
	}
	return h
}

type deviceHandler struct {
	Device
	info     Info
	replier  Replier
	prompter Prompter
	writer   io.WriterAt
	syncer   Syncer
	trimmer  Trimmer
	zeroer   Zeroer
	extenter Extenter
	cacher   Cacher
	closer   io.Closer
}

func (h *deviceHandler) Info() Info { return h.info }

func (h *deviceHandler) Close(context.Context) error {
	if h.closer == nil {
		return nil
	}
	return h.closer.Close()
}

func (h *deviceHandler) Serve(_ context.Context, r Request, w *Reply) error {
	if r.Flags&(NoWait|DiskWait) == NoWait {
		if h.prompter == nil || r.Flags&FUA != 0 {
			return ErrWait
		}
		return h.prompter.ServePrompt(r, w)
	}
	if err := h.do(r, w); err != nil {
		return err
	}
	if r.Flags&FUA != 0 && r.Cmd.Changes() {
		return h.syncer.Sync()
	}
	return nil
}

func (h *deviceHandler) do(r Request, w *Reply) error {
	switch r.Cmd {
	case Read:
		if h.replier != nil {
			return h.replier.ReplyAt(w, r.Offset, r.Length, r.Flags)
		}
		n, err := h.ReadAt(w.Bytes(r.Length), int64(r.Offset))
		if uint64(n) == r.Length {
			return nil // io.ReaderAt may say io.EOF beside a full read
		}
		if err == io.EOF {
			err = ErrEnds
		}
		return err
	case Write:
		_, err := h.writer.WriteAt(r.Data, int64(r.Offset))
		return err
	case Flush:
		return h.syncer.Sync()
	case Trim:
		return h.trimmer.Trim(r.Offset, r.Length)
	case WriteZeroes:
		return h.zeroer.WriteZeroes(r.Offset, r.Length, r.Flags)
	case BlockStatus:
		return h.extenter.ExtentsAt(w, r.Offset, r.Length, r.Flags)
	default: // Cache: the one command left
		if h.cacher == nil {
			return nil
		}
		return h.cacher.CacheAt(r.Offset, r.Length)
	}
}
