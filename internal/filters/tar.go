package filters

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "tar",
		Summary: "serve a member of a tar archive",
		Help: `Serves the first member of the archive below whose name is exactly tar-entry=, for reading and writing in its
place. The archive (v7, ustar, GNU or pax) is searched once for each export, when it is first opened; a search that
failed is made again for the next client.

    nbdtui --filter=tar file disks.tar tar-entry=disk.img

It does not unpack compressed archives, does not serve sparse members (make the archive without --sparse), does not
take patterns, and does not make a member larger or smaller. A directory or link has no bytes. It does not look whether
the archive changes while it is served. While requests are paused below it, a first search waits.`,
		Prompt: true,
		New:    func() block.Builder { return &tarBuilder{} },
	})
}

type tarBuilder struct {
	entry string
	limit uint64 // bytes; 0 for none
}

func (b *tarBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "tar-entry", Kind: "NAME", Help: "the member to serve", Need: true, Set: b.setEntry},
		{Name: "tar-limit", Kind: "SIZE", Default: "0", Help: "how far into the archive to search; 0 for all of it", Set: param.Size(&b.limit)},
		{Name: "tar", Kind: "PROGRAM", Help: "taken and not used: no program is run", Set: func(string) error { return nil }},
	}}
}

func (b *tarBuilder) setEntry(value string) error {
	switch {
	case value == "":
		return errors.New("the name is empty")
	case b.entry != "":
		return errors.New("only one tar-entry can be given")
	}
	b.entry = value
	return nil
}

func (b *tarBuilder) Build(block.Host) (block.Layer, error) {
	return &tarLayer{tarBuilder: *b, turn: make(chan struct{}, 1), found: map[string]member{}}, nil
}

type tarLayer struct {
	tarBuilder
	turn  chan struct{}     // holds a value while somebody searches; what follows is his
	found map[string]member // by the export's name
}

// maxFound is how many exports are remembered: clients may ask for any name.
const maxFound = 1000

// member is where the bytes are in the archive.
type member struct{ offset, size uint64 }

func (l *tarLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	m, err := l.member(ctx, o.Name, next)
	if err == nil {
		err = m.check(next.Info())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find %s in the archive: %w", l.entry, err), next.Close(ctx))
	}
	info := next.Info()
	info.Size = m.size
	if info.Description != "" {
		info.Description = fmt.Sprintf("embedded %s from within tar file: %s", l.entry, info.Description)
	}
	return &untarred{next, m, info}, nil
}

func (l *tarLayer) Close() error { return nil }

// check reports a member that cannot be served: what is below has ended too early, or wants blocks that are larger
// than tar's.
func (m member) check(i block.Info) error {
	switch {
	case m.offset > i.Size || m.size > i.Size-m.offset:
		return errors.New("the archive is truncated")
	case i.MinBlock > 1 && m.offset%uint64(i.MinBlock) != 0:
		return fmt.Errorf("its bytes begin at %d, and the disk takes only multiples of %d", m.offset, i.MinBlock)
	}
	return nil
}

// member is what was found before, or is looked for now; others wait for it.
func (l *tarLayer) member(ctx context.Context, export string, d *block.Door) (member, error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return member{}, block.ErrShutdown
	}
	defer func() { <-l.turn }()
	m, ok := l.found[export]
	if ok {
		return m, nil
	}
	m, err := l.search(ctx, d)
	if err == nil {
		if len(l.found) == maxFound {
			clear(l.found)
		}
		l.found[export] = m
	}
	return m, err
}

func (l *tarLayer) search(ctx context.Context, d *block.Door) (member, error) {
	in := &archive{ctx: ctx, door: d, size: int64(d.Info().Size), limited: l.limit > 0 && l.limit < d.Info().Size}
	if in.limited {
		in.size = int64(l.limit)
	}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		switch {
		case err == io.EOF && in.limited && in.at >= in.size, err == io.ErrUnexpectedEOF && in.limited:
			return member{}, fmt.Errorf("it is not in the first %d bytes, which is tar-limit", l.limit)
		case err == io.EOF:
			return member{}, errors.New("there is no such member")
		case err == io.ErrUnexpectedEOF:
			return member{}, errors.New("the archive is truncated")
		case errors.Is(err, tar.ErrHeader):
			return member{}, fmt.Errorf("this is no tar archive, or a broken one, at byte %d", in.at)
		case err != nil:
			return member{}, err
		case strings.TrimSuffix(h.Name, "/") != strings.TrimSuffix(l.entry, "/"):
		case sparse(h):
			return member{}, errors.New("it is a sparse member, which cannot be served")
		default:
			// Next reads whole headers and nothing of what follows them.
			return member{uint64(in.at), uint64(h.Size)}, nil
		}
	}
}

// sparse reports a member whose bytes do not stand in a row.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// archive reads from a door for package tar, which skips what it need not see.
type archive struct {
	ctx     context.Context
	door    *block.Door
	at      int64
	size    int64 // bytes that may be read
	limited bool  // by tar-limit
}

func (a *archive) Read(b []byte) (int, error) {
	if a.at >= a.size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), a.size-a.at)]
	if err := a.door.ReadInto(a.ctx, b, uint64(a.at), 0); err != nil {
		return 0, err
	}
	a.at += int64(len(b))
	return len(b), nil
}

// Seek goes forward from where it is, which is all that package tar asks for.
func (a *archive) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 || a.at+offset < a.at {
		return 0, errors.New("the archive is read forward only")
	}
	a.at += offset
	return a.at, nil
}

// untarred is one client's view of the member.
type untarred struct {
	next *block.Door
	member
	info block.Info
}

func (h *untarred) Info() block.Info { return h.info }

func (h *untarred) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	r.Offset += h.offset
	return h.next.Serve(ctx, r, w)
}

func (h *untarred) Close(ctx context.Context) error { return h.next.Close(ctx) }
