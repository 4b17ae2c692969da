package plugins

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// codec packs the pages of a sparse store. One that does not become smaller stays as it is.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	zero    page      // a page of zeroes, packed
	scratch sync.Pool // of *workspace
}

// workspace is where a page is unpacked to, and packed into.
type workspace struct {
	raw    [pageSize]byte
	packed []byte
}

func newCompressed(size uint64) (store, error) {
	c := &codec{scratch: sync.Pool{New: func() any { return new(workspace) }}}
	var err error
	if c.encoder, err = zstd.NewWriter(nil, zstd.WithWindowSize(pageSize), zstd.WithEncoderCRC(false)); err != nil {
		return nil, fmt.Errorf("start the compressor: %w", err)
	}
	if c.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(pageSize)); err != nil {
		return nil, fmt.Errorf("start the decompressor: %w", err)
	}
	c.zero = c.pack(new(workspace), noPage[:])
	s, err := newSparse(size)
	s.(*sparse).codec = c
	return s, err
}

func (c *codec) close() error {
	c.decoder.Close()
	return c.encoder.Close()
}

// raw is a page's bytes: its own, or those in w.
func (c *codec) raw(w *workspace, p page) []byte {
	if len(p) == pageSize {
		return p
	}
	b, err := c.decoder.DecodeAll(p, w.raw[:0])
	if err != nil || len(b) != pageSize {
		panic(fmt.Sprintf("a page cannot be unpacked: %v", err))
	}
	return b
}

// pack returns a page of b, which is not kept.
func (c *codec) pack(w *workspace, b []byte) page {
	w.packed = c.encoder.EncodeAll(b, w.packed[:0])
	if len(w.packed) < pageSize {
		return bytes.Clone(w.packed)
	}
	return bytes.Clone(b)
}

// copy fills b from at of p.
func (c *codec) copy(b []byte, p page, at uint64) {
	w := c.scratch.Get().(*workspace)
	defer c.scratch.Put(w)
	copy(b, c.raw(w, p)[at:])
}

// change returns p, nil for a page of zeroes, with b put at at.
func (c *codec) change(p page, at uint64, b []byte) page {
	w := c.scratch.Get().(*workspace)
	defer c.scratch.Put(w)
	switch {
	case len(b) == pageSize:
		return c.pack(w, b)
	case p == nil:
		clear(w.raw[:])
	default:
		copy(w.raw[:], c.raw(w, p)) // onto itself where it was packed
	}
	copy(w.raw[at:], b)
	return c.pack(w, w.raw[:])
}
