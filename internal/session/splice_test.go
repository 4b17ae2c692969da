package session

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/client"
)

// harmless says how each filter is set up so that it changes no byte, DIR being a directory of the test's own; one that is
// not here fails the test.
var harmless = map[string][]string{
	"delay":         {"rdelay=1us"},
	"error":         nil, // every stack has it
	"exitlast":      nil,
	"exitwhen":      {"exit-when-file-created=DIR/none"},
	"ip":            {"deny=anyipv4"},
	"limit":         {"limit=10"},
	"log":           {"logfile=DIR/log"},
	"pause":         {"pause-control=DIR/control"},
	"rate":          {"rate=1T"},
	"readonly":      {"readonly-file=DIR/none"},
	"retry":         {"retries=1", "retry-delay=1us"},
	"retry-request": {"retry-request-retries=1", "retry-request-delay=1us"},
	"tar":           {"tar-entry=disk"},
}

// Every filter over a file gives the same bytes and the same errors whether large reads are spliced or copied: to a client
// that reads slowly, in a pause, where a disk fails, and past the end of a file that was cut.
func TestSpliceChangesNothing(t *testing.T) {
	for _, r := range block.Registered(block.Filter) {
		words, ok := harmless[r.Name]
		switch {
		case r.Help == "": // made up by another test
			continue
		case !ok:
			t.Errorf("filter %s is not set up for the test", r.Name)
			continue
		}
		for _, splice := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/splice=%v", r.Name, splice), func(t *testing.T) { newSpliced(t, r.Name, words, splice).run() })
		}
	}
}

const (
	splicedSize = 12 << 20 // three times what a socket takes at once
	splicedPart = 1 << 20
)

// spliced is a session over a file, and a client of it.
type spliced struct {
	*testing.T
	session *Session
	client  *client.Client
	conn    *slowConn
	path    string
	fails   string // while it exists reads fail
	content []byte
	head    int64 // of the file, before the content
}

// slowConn takes little at a time, and nothing while it is locked.
type slowConn struct {
	net.Conn
	sync.Mutex
}

func (c *slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), 20_000)])
	c.Lock()
	defer c.Unlock()
	return n, err
}

func newSpliced(t *testing.T, name string, words []string, splice bool) *spliced {
	dir := t.TempDir()
	s := &spliced{T: t, path: filepath.Join(dir, "disk"), fails: filepath.Join(dir, "fails"), content: make([]byte, splicedSize)}
	rand.NewChaCha8([32]byte{}).Read(s.content)
	hole := s.content[splicedPart+4096 : 2*splicedPart]
	clear(hole)
	s.write(name == "tar", int64(len(hole)))
	filters := []string{name, "error"}
	if name == "error" {
		filters = filters[1:]
	}
	all := []string{"file=" + s.path, "error-rate=100%", "error-file=" + s.fails}
	for _, w := range words {
		all = append(all, strings.ReplaceAll(w, "DIR", dir))
	}
	s.session = start(t, Config{Splice: splice, Watched: true}, "file", filters, all...)
	uri, err := client.ParseURI(s.session.URI())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", uri.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.conn = &slowConn{Conn: conn}
	if s.client, err = client.New(t.Context(), s.conn, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.client.Close() })
	return s
}

// write makes the file, with a hole in it.
func (s *spliced) write(archived bool, hole int64) {
	f, err := os.Create(s.path)
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	if archived {
		var head bytes.Buffer
		if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "disk", Size: splicedSize, Mode: 0o600}); err != nil {
			s.Fatal(err)
		}
		s.head = int64(head.Len())
		if _, err := f.Write(head.Bytes()); err != nil {
			s.Fatal(err)
		}
	}
	for _, part := range [][2]int64{{0, splicedPart + 4096}, {2 * splicedPart, splicedSize}} {
		if _, err := f.WriteAt(s.content[part[0]:part[1]], s.head+part[0]); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *spliced) run() {
	// All replies are on their way, and the client takes none of them: the gate must be able to close nevertheless.
	s.conn.Lock()
	var reading sync.WaitGroup
	for off := 0; off < splicedSize; off += splicedPart {
		reading.Go(func() { s.reads(off, splicedPart) })
		reading.Go(func() { s.reads(off+1000, 5000) })
	}
	until(s.T, s.session, func() bool { return s.session.Snapshot().Totals[block.Read].Requests > 0 })
	s.session.Pause()
	until(s.T, s.session, func() bool { return s.session.Snapshot().State == Paused })
	s.conn.Unlock()
	s.session.Resume()
	reading.Wait()

	if err := os.WriteFile(s.fails, nil, 0o600); err != nil {
		s.Fatal(err)
	}
	s.failsToRead(0, splicedPart)
	s.failsToRead(splicedPart/2, 2*splicedPart)
	if err := os.Remove(s.fails); err != nil {
		s.Fatal(err)
	}
	s.reads(0, splicedSize)

	const cut = splicedSize/2 + 5000
	if err := os.Truncate(s.path, s.head+cut); err != nil {
		s.Fatal(err)
	}
	s.failsToRead(cut-splicedPart, splicedPart+1)
	s.failsToRead(splicedSize-splicedPart, splicedPart)
	s.reads(0, cut)
}

// reads wants the file's bytes.
func (s *spliced) reads(off, n int) {
	b := make([]byte, n)
	if err := s.client.ReadAt(s.Context(), b, uint64(off)); err != nil {
		s.Errorf("read of %d from %d: %v", n, off, err)
	} else if !bytes.Equal(b, s.content[off:off+n]) {
		s.Errorf("read of %d from %d: the bytes are wrong", n, off)
	}
}

// failsToRead wants an error, and that the stream is in step behind it.
func (s *spliced) failsToRead(off, n int) {
	s.Helper()
	if err := s.client.ReadAt(s.Context(), make([]byte, n), uint64(off)); !errors.Is(err, syscall.EIO) {
		s.Errorf("read of %d from %d: %v, want EIO", n, off, err)
	}
}
