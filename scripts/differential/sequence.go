package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/client"
	"example.com/nbdtui/internal/nbd/wire"
)

// sequence is a stack and what is asked of it, all of it made from a seed.
type sequence struct {
	seed uint64
	*stack
	steps  int
	opened bool
	rand   *rand.Rand
	said   strings.Builder // the requests and their answers so far
}

func newSequence(seed uint64) *sequence {
	r := rand.New(rand.NewPCG(seed, 0))
	s := &sequence{seed: seed, stack: newStack(r), steps: 10 + r.IntN(40), rand: r}
	if s.slow {
		s.steps = 8
	}
	return s
}

// report is what a person needs to see it again.
func (s *sequence) report(err error) string {
	return fmt.Sprintf("sequence %d: %v\n  nbdkit|nbdtui %s\n%s  again: go run ./scripts/differential -seed %d",
		s.seed, err, quoted(s.args("DIR")), s.last(10), s.seed)
}

// last are the newest requests and answers.
func (s *sequence) last(n int) (text string) {
	lines := slices.Collect(strings.Lines(s.said.String()))
	for _, line := range lines[max(len(lines)-n, 0):] {
		text += "    " + line
	}
	return text
}

// quoted is a command line as a shell takes it.
func quoted(args []string) string {
	var words []string
	for _, a := range args {
		if strings.ContainsAny(a, " *'\"$") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

// say adds a line to the transcript.
func (s *sequence) say(format string, args ...any) { fmt.Fprintf(&s.said, format+"\n", args...) }

// pair is the two that are compared, nbdkit first.
type pair[T any] [2]T

var names = pair[string]{"nbdkit", "nbdtui"}

// compare runs the sequence, and returns the first difference.
func (s *sequence) compare(ctx context.Context, program string) (err error) {
	dir, err := os.MkdirTemp("", "nd")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var servers pair[*server]
	for i, command := range [...]string{"nbdkit", program} {
		own := filepath.Join(dir, names[i])
		if err := s.prepare(own); err != nil {
			return err
		}
		if servers[i], err = start(command, own, s.args(own)); err != nil {
			return err
		}
		defer servers[i].kill()
	}
	if err := s.talk(ctx, servers); err != nil {
		return err
	}
	return s.end(servers)
}

// talk opens the export at both and makes the requests.
func (s *sequence) talk(ctx context.Context, servers pair[*server]) error {
	var clients pair[*client.Client]
	var open pair[string]
	for i, srv := range servers {
		c, err := srv.dial(ctx)
		if open[i] = "opened"; err != nil {
			open[i] = "not opened"
			s.say("%s: %v", names[i], strings.ReplaceAll(err.Error(), srv.dir, "DIR"))
			continue
		}
		defer c.Close()
		clients[i] = c
	}
	if open[0] != open[1] {
		return fmt.Errorf("nbdkit has %s the export, and nbdtui has %s it", open[0], open[1])
	}
	if clients[0] == nil {
		s.exits = false // to nbdkit a client whose archive has no such member was there all the same
		return nil
	}
	s.opened = true
	a, b := clients[0].Info(), clients[1].Info()
	if a.Size != b.Size || a.Flags|s.more() != b.Flags|s.more() || a.Extents != b.Extents {
		return fmt.Errorf("nbdkit offers %+v, and nbdtui %+v", a, b)
	}
	s.say("size %d, flags %#x", a.Size, a.Flags)
	for range s.steps {
		if err := s.step(ctx, servers, clients); err != nil {
			return err
		}
	}
	for off := uint64(0); off < a.Size; off += 1 << 20 { // what is there in the end
		if err := s.ask(ctx, clients, request{cmd: block.Read, off: off, n: min(a.Size-off, 1<<20)}); err != nil {
			return err
		}
	}
	return nil
}

// more is what nbdtui offers and nbdkit does not, which knows no extended headers, and whose file plugin cannot tell slow
// zeroes from fast ones.
func (s *sequence) more() wire.TransmissionFlags {
	if s.plugin == "file" {
		return wire.BlockStatusPayload | wire.SendFastZero
	}
	return wire.BlockStatusPayload
}

// step makes one request of both, or makes errors come and go.
func (s *sequence) step(ctx context.Context, servers pair[*server], clients pair[*client.Client]) error {
	if s.injected && s.rand.IntN(5) == 0 {
		there := s.rand.IntN(2) == 0
		s.say("inject: %v", there)
		for _, srv := range servers {
			if err := srv.inject(there); err != nil {
				return err
			}
		}
		return nil
	}
	return s.ask(ctx, clients, s.request(clients[0].Info()))
}

// request is what is asked.
type request struct {
	cmd    block.Cmd
	flags  block.Flags
	off, n uint64
	fill   byte // of a write
}

// request makes one up that the export offers.
func (s *sequence) request(i client.Info) request {
	r := request{fill: byte(1 + s.rand.IntN(255))}
	all := []block.Cmd{block.Read, block.Read, block.BlockStatus}
	offered := map[wire.TransmissionFlags][]block.Cmd{
		wire.SendFlush: {block.Flush}, wire.SendTrim: {block.Trim}, wire.SendWriteZeroes: {block.WriteZeroes, block.WriteZeroes},
		wire.SendCache: {block.Cache},
	}
	for _, f := range []wire.TransmissionFlags{wire.SendFlush, wire.SendTrim, wire.SendWriteZeroes, wire.SendCache} {
		if i.Flags&f != 0 {
			all = append(all, offered[f]...)
		}
	}
	if i.Flags&wire.ReadOnly == 0 {
		all = append(all, block.Write, block.Write, block.Write)
	}
	r.cmd = all[s.rand.IntN(len(all))]
	if r.cmd == block.Flush || i.Size == 0 {
		return r
	}
	r.n = min(1+s.rand.Uint64N(1<<s.rand.IntN(21)), i.Size)
	r.off = s.rand.Uint64N(i.Size - r.n + 1)
	if s.rand.IntN(2) == 0 {
		r.off &^= 4095
	}
	some := func(f block.Flags, offered bool) {
		if offered && s.rand.IntN(3) == 0 {
			r.flags |= f
		}
	}
	switch r.cmd {
	case block.Write, block.Trim, block.WriteZeroes:
		some(block.FUA, i.Flags&wire.SendFUA != 0)
	case block.BlockStatus:
		some(block.ReqOne, true)
	}
	if r.cmd == block.WriteZeroes {
		some(block.MayTrim, true)
		// That zeroes would be slow is an answer to nbdtui's retry filter, and a failure to nbdkit's.
		some(block.FastZero, i.Flags&wire.SendFastZero != 0 && !s.slow)
	}
	return r
}

// answer is what came of a request.
type answer struct {
	err     string // the error on the wire, empty for none
	data    []byte
	extents []block.Extent
}

// ask makes a request of both and compares the answers.
func (s *sequence) ask(ctx context.Context, clients pair[*client.Client], r request) error {
	_, err := s.both(ctx, clients, r)
	return err
}

// both is ask, and returns what was read.
func (s *sequence) both(ctx context.Context, clients pair[*client.Client], r request) ([]byte, error) {
	s.say("%v offset=%d length=%d flags=%b fill=%d", r.cmd, r.off, r.n, r.flags, r.fill)
	var got pair[answer]
	for i, c := range clients {
		got[i] = r.ask(ctx, c)
	}
	a, b := got[0], got[1]
	switch {
	case a.err != b.err:
		return nil, fmt.Errorf("nbdkit answers %s, and nbdtui %s", orSuccess(a.err), orSuccess(b.err))
	case !bytes.Equal(a.data, b.data):
		return nil, fmt.Errorf("other bytes: %s", firstDifference(a.data, b.data))
	case !s.sameExtents(a.extents, b.extents):
		return nil, fmt.Errorf("nbdkit has extents %+v, and nbdtui %+v", a.extents, b.extents)
	}
	s.say("  %s", orSuccess(a.err))
	return a.data, s.honest(ctx, clients, r, b.extents)
}

// honest has both read what is said to be zero, and looks at it.
func (s *sequence) honest(ctx context.Context, clients pair[*client.Client], r request, list []block.Extent) error {
	off := r.off
	for _, e := range list {
		n := min(e.Length, r.off+r.n-off)
		if e.Flags&block.Zero != 0 {
			zeroes, err := s.both(ctx, clients, request{cmd: block.Read, off: off, n: n})
			if err != nil {
				return err
			}
			if len(bytes.Trim(zeroes, "\x00")) > 0 {
				return fmt.Errorf("nbdtui says that %d bytes from %d are zero, and they are not", n, off)
			}
		}
		off += n
	}
	return nil
}

func orSuccess(err string) string {
	if err == "" {
		return "success"
	}
	return err
}

func (r request) ask(ctx context.Context, c *client.Client) (a answer) {
	var err error
	switch r.cmd {
	case block.Read:
		a.data = make([]byte, r.n)
		err = c.ReadAt(ctx, a.data, r.off)
	case block.Write:
		err = c.WriteAt(ctx, bytes.Repeat([]byte{r.fill}, int(r.n)), r.off, r.flags)
	case block.Flush:
		err = c.Flush(ctx)
	case block.Trim:
		err = c.Trim(ctx, r.off, r.n, r.flags)
	case block.WriteZeroes:
		err = c.Zero(ctx, r.off, r.n, r.flags)
	case block.Cache:
		err = c.Cache(ctx, r.off, r.n)
	case block.BlockStatus:
		a.extents, err = r.extents(ctx, c)
	}
	var e syscall.Errno
	switch {
	case errors.As(err, &e):
		return answer{err: errnoNames[e]}
	case err != nil:
		return answer{err: "no answer: " + err.Error()}
	}
	return a
}

var errnoNames = map[syscall.Errno]string{
	syscall.EPERM: "EPERM", syscall.EIO: "EIO", syscall.ENOMEM: "ENOMEM", syscall.EINVAL: "EINVAL", syscall.ENOSPC: "ENOSPC",
	syscall.EOVERFLOW: "EOVERFLOW", syscall.ENOTSUP: "ENOTSUP", syscall.ESHUTDOWN: "ESHUTDOWN",
}

// extents asks once: how much one answer tells is the server's affair. So is where one extent of a kind ends and the
// next begins.
func (r request) extents(ctx context.Context, c *client.Client) ([]block.Extent, error) {
	list, err := c.Extents(ctx, r.off, r.n, r.flags, nil)
	var all []block.Extent
	for _, e := range list {
		if n := len(all); n > 0 && all[n-1].Flags == e.Flags {
			all[n-1].Length += e.Length
		} else {
			all = append(all, e)
		}
	}
	return all, err
}

// sameExtents compares as far as both tell. What a file system tells of holes depends on what is in its cache. And what
// is allocated in memory, and is zero all the same, nbdkit finds in the part of a page that is asked for, and nbdtui in
// whole pages.
func (s *sequence) sameExtents(a, b []block.Extent) bool {
	flags := block.Hole | block.Zero
	switch s.plugin {
	case "file":
		flags = 0
	case "memory":
		flags = block.Hole
	}
	for len(a) > 0 && len(b) > 0 {
		n := min(a[0].Length, b[0].Length)
		if (a[0].Flags^b[0].Flags)&flags != 0 {
			return false
		}
		a, b = behind(a, n), behind(b, n)
	}
	return true
}

func behind(list []block.Extent, n uint64) []block.Extent {
	if list[0].Length == n {
		return list[1:]
	}
	rest := append([]block.Extent{}, list...)
	rest[0].Length -= n
	return rest
}

func firstDifference(a, b []byte) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d and %d of them", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			return fmt.Sprintf("the %d. is %#x at nbdkit, and %#x at nbdtui", i, a[i], b[i])
		}
	}
	return "none"
}
