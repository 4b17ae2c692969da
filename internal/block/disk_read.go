package block

import "os"

const (
	// holesFrom is the shortest read that is searched for holes: in a shorter one a hole saves less than it costs.
	holesFrom = 32 << 10
	// holesMax bounds the pieces of one such read; what is left is sent as data.
	holesMax = 32
	// extentsMax bounds the answer to one BlockStatus; the client asks again for what is left.
	extentsMax = 4096
	// promptCopy is the longest read that is copied from the page cache at once, promptRead the longest that is
	// spliced. Of longer ones a worker fetches the next while one is being sent.
	promptCopy = 32 << 10
	promptRead = 1 << 20
	// promptWrite is the longest write that is made at once. A longer one takes so much time that others should not
	// wait for it.
	promptWrite = 4 << 20
)

// ReplyAt says where in the file the bytes are, and where it has none.
func (d *Disk) ReplyAt(w *Reply, off, n uint64, _ Flags) error {
	if n < holesFrom || !d.sparse() {
		return d.reply(w, off, n)
	}
	end, holes := off+n, false
	for piece := 0; off < end; piece++ {
		length, data, err := d.piece(off, end)
		if err != nil {
			return err
		}
		if piece == holesMax {
			length, data = end-off, true
		}
		if data {
			err = d.reply(w, off, length)
		} else {
			w.Hole(length)
			holes = true
		}
		if err != nil {
			return err
		}
		off += length
	}
	if holes {
		return d.reaches(end)
	}
	return nil
}

// reply answers with bytes of the file: as a piece of it, or copied where its pages shall not stay.
func (d *Disk) reply(w *Reply, off, n uint64) error {
	if !d.opt.Evict {
		return w.File(d.f, int64(off), n)
	}
	got, err := d.ReadAt(w.Bytes(n), int64(off))
	return shortRead(d.f, got, n, err)
}

// sparse reports whether it is worth while to look for holes.
func (d *Disk) sparse() bool {
	return !d.dev && !d.lacks[seekHole].Load() && hasHoles(d.f)
}

// piece says how long the stretch from off is, at most to end, that is all data or all hole.
func (d *Disk) piece(off, end uint64) (n uint64, data bool, err error) {
	if d.dev || d.lacks[seekHole].Load() {
		return end - off, true, nil
	}
	next, data, err := seekPiece(d.f, int64(off))
	if missing(err) {
		d.lacks[seekHole].Store(true)
		return end - off, true, nil
	}
	if err != nil {
		return 0, false, &os.PathError{Op: "find holes of", Path: d.f.Name(), Err: err}
	}
	return min(uint64(next), end) - off, data, nil
}

// reaches is an error where the file has become shorter than end: what is past its end looks like a hole.
func (d *Disk) reaches(end uint64) error {
	size, err := fileSize(d.f)
	if err != nil {
		return err
	}
	if size < end {
		return &os.PathError{Op: "read", Path: d.f.Name(), Err: ErrEnds}
	}
	return nil
}

// ExtentsAt tells data from holes.
func (d *Disk) ExtentsAt(w *Reply, off, n uint64, f Flags) error {
	end := off + n
	for count := 0; off < end && count < extentsMax; count++ {
		length, data, err := d.piece(off, end)
		if err != nil {
			return err
		}
		flags := Hole | Zero
		if data {
			flags = 0
		}
		w.Extent(length, flags)
		off += length
		if f&ReqOne != 0 {
			break
		}
	}
	if d.dev {
		return nil
	}
	return d.reaches(off)
}

// CacheAt asks for the range to be read ahead.
func (d *Disk) CacheAt(off, n uint64) error {
	if err := willNeed(d.f, int64(off), int64(n)); err != nil {
		return &os.PathError{Op: "read ahead", Path: d.f.Name(), Err: err}
	}
	return nil
}

// isHole reports whether there is nothing in the whole range, which needs no more waiting than what is cached.
func (d *Disk) isHole(off, n uint64) bool {
	if n < holesFrom || !d.sparse() {
		return false
	}
	length, data, err := d.piece(off, off+n)
	return err == nil && !data && length == n && d.reaches(off+n) == nil
}

// ServePrompt answers a read of what the page cache holds, or of a hole, and writes into the page cache.
func (d *Disk) ServePrompt(r Request, w *Reply) error {
	switch {
	case d.opt.Evict:
	case r.Cmd == Read && r.Length <= promptCopy:
		return d.readPrompt(w.Bytes(r.Length), r.Offset)
	case r.Cmd == Read && r.Length <= promptRead && d.pagesCached(r.Offset, r.Length):
		return d.ReplyAt(w, r.Offset, r.Length, r.Flags)
	case r.Cmd == Read && r.Length <= promptRead && d.isHole(r.Offset, r.Length):
		w.Hole(r.Length)
		return nil
	case r.Cmd == Write && r.Length <= promptWrite:
		return d.writePrompt(r)
	}
	return ErrWait
}

// pagesCached reports whether the page cache holds the whole range: it can be spliced without a wait for the disk then.
// No call splices only what is there.
func (d *Disk) pagesCached(off, n uint64) bool {
	if d.lacks[cacheStat].Load() {
		return false
	}
	first, end := off/pageSize, (off+n-1)/pageSize+1
	pages, err := cachedPages(d.f, first*pageSize, (end-first)*pageSize)
	if missing(err) {
		d.lacks[cacheStat].Store(true)
	}
	return err == nil && pages == end-first
}

// readPrompt reads what the page cache holds. Where anything else is to be said the one who may wait finds out.
func (d *Disk) readPrompt(b []byte, off uint64) error {
	if d.lacks[readNow].Load() {
		return ErrWait
	}
	got, err := readCached(d.f, b, int64(off))
	if missing(err) { // tmpfs among others
		d.lacks[readNow].Store(true)
	}
	if err != nil || got != len(b) {
		return ErrWait
	}
	return nil
}
