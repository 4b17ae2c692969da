package filters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "rate",
		Prompt:  true,
		Summary: "limit how fast bytes are read and written",
		Help: `Limits reads, and apart from them writes, to rate= bits a second over all clients, to connection-rate= for
each one, or both. 10M is 10,485,760 bits, that is 1.25 MiB, a second. Up to burstiness= seconds of unused rate may be
spent at once. rate-file= and connection-rate-file= name files whose first line, read at each request, is the rate that
holds now: 0 is no limit, and a file that is missing or empty changes nothing.

Requests are served in the order in which they come. It does not limit trim, zero, flush, cache and block status, nor
how many requests there are; zeroes are limited where the server has to write them. A request waits as a whole: clients
that ask for much at once wait long for the first byte.`,
		New: func() block.Builder { return &rateBuilder{burstiness: 2} },
	})
}

type rateBuilder struct {
	all, each         uint64
	allFile, eachFile string
	burstiness        float64 // seconds
}

func (b *rateBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "rate", Kind: "BITS", Help: "bits a second, of all clients together", Set: setRate(&b.all)},
		{Name: "connection-rate", Kind: "BITS", Help: "bits a second, of each client", Set: setRate(&b.each)},
		{Name: "rate-file", Kind: "PATH", Help: "a file that says the rate of all clients", Set: setPath(&b.allFile)},
		{Name: "connection-rate-file", Kind: "PATH", Help: "a file that says the rate of each client", Set: setPath(&b.eachFile)},
		{Name: "burstiness", Kind: "SECONDS", Default: "2.0", Help: "how much unused rate may be saved up", Set: b.setBurstiness},
	}}
}

func setRate(to *uint64) func(string) error {
	return func(value string) error {
		if *to != 0 {
			return errors.New("the rate is set twice")
		}
		n, err := param.ParseSize(value)
		if err == nil && n == 0 {
			err = param.WithHint(errors.New("the rate cannot be 0"), "leave it out for no limit; --filter=pause holds everything")
		}
		*to = n
		return err
	}
}

func setPath(to *string) func(string) error {
	return func(value string) (err error) {
		if value == "" {
			return errors.New("the path is empty")
		}
		*to, err = filepath.Abs(value)
		return err
	}
}

func (b *rateBuilder) setBurstiness(value string) error {
	s, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(s) || s < 0 || s > 1e6 {
		return errors.New("must be a number of seconds, 0 or more")
	}
	b.burstiness = s
	return nil
}

func (b *rateBuilder) Build(h block.Host) (block.Layer, error) {
	l := &rateLayer{
		all:        &limit{file: b.allFile, event: h.Event, stopping: h.Stopping},
		each:       &limit{file: b.eachFile, event: h.Event, stopping: h.Stopping},
		burstiness: b.burstiness,
	}
	l.all.rate.Store(b.all)
	l.each.rate.Store(b.each)
	l.buckets = l.newBuckets(l.all)
	return l, nil
}

// rateLayer holds what all clients share.
type rateLayer struct {
	all, each  *limit
	burstiness float64
	buckets    buckets
}

// Knobs are the two rates.
func (l *rateLayer) Knobs() []block.Knob {
	return []block.Knob{l.all.knob("rate"), l.each.knob("connection-rate")}
}

func (l *rateLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	return &rated{next: next, all: &l.buckets, own: l.newBuckets(l.each)}, nil
}

func (l *rateLayer) Close() error { return nil }

func (l *rateLayer) newBuckets(of *limit) buckets {
	return buckets{newBucket(of, l.burstiness), newBucket(of, l.burstiness)}
}

// buckets are for reading and for writing, which have the whole rate each.
type buckets struct{ read, write *bucket }

// rated is one client's view.
type rated struct {
	next *block.Door
	all  *buckets
	own  buckets
}

func (h *rated) Info() block.Info { return h.next.Info() }

func (h *rated) Close(ctx context.Context) error { return h.next.Close(ctx) }

func (h *rated) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	all, own := h.all.read, h.own.read
	switch r.Cmd {
	case block.Write:
		all, own = h.all.write, h.own.write
		fallthrough
	case block.Read:
		if r.Flags&block.NoWait != 0 && !(all.limit.none() && own.limit.none()) {
			return block.ErrWait
		}
		if err := all.take(ctx, r.Length); err != nil {
			return err
		}
		if err := own.take(ctx, r.Length); err != nil {
			return err
		}
	}
	return h.next.Serve(ctx, r, w)
}

// bucket fills with bits at a rate and holds what a burst may take. Who wants bits waits for his turn first: one
// large request after the other goes by at an even pace, instead of many at once after a long time.
type bucket struct {
	limit      *limit
	burstiness float64
	turn       chan struct{} // holds a value while somebody draws; what follows is his

	rate  float64 // bits a second that last was; 0 is no limit
	level float64 // bits
	last  time.Time
}

func newBucket(l *limit, burstiness float64) *bucket {
	return &bucket{limit: l, burstiness: burstiness, turn: make(chan struct{}, 1)}
}

// lookAgain is how long a wait may last before the rate is looked at again: it may have changed.
const lookAgain = 250 * time.Millisecond

// take draws so many bytes' worth, waiting for what is not there yet. When ctx ends first it gives back what it drew
// and returns ErrShutdown.
func (b *bucket) take(ctx context.Context, bytes uint64) error {
	if b.limit.none() {
		return nil
	}
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return block.ErrShutdown
	case <-b.limit.stopping:
		return block.ErrShutdown
	}
	defer func() { <-b.turn }()

	b.adjust()
	b.level = min(b.level, b.rate*b.burstiness) // what was not used is lost beyond this
	whole := float64(bytes) * 8
	for need := whole; b.rate > 0; b.adjust() {
		part := min(need, b.level)
		need -= part
		b.level -= part
		if need == 0 {
			break
		}
		// A microsecond more than the division says, so that rounding never leaves a step of no time at all.
		wait := time.Duration(min(need/b.rate, lookAgain.Seconds())*float64(time.Second)) + time.Microsecond
		if err := sleep(ctx, b.limit.stopping, wait); err != nil {
			b.level += whole - need
			return err
		}
	}
	return nil
}

// adjust looks at the rate, and adds what has come since the last time. A bucket that had no limit is full.
func (b *bucket) adjust() {
	now, rate := time.Now(), float64(b.limit.now())
	switch {
	case rate == 0:
	case b.rate == 0:
		b.level = rate * b.burstiness
	default:
		b.level += now.Sub(b.last).Seconds() * b.rate
		if rate != b.rate {
			b.level = min(b.level, rate*b.burstiness)
		}
	}
	b.rate, b.last = rate, now
}

// limit is a rate that may be changed by a file.
type limit struct {
	file     string // empty for none
	event    func(string, ...any)
	stopping <-chan struct{}

	rate atomic.Uint64 // bits a second; 0 is no limit

	mu    sync.Mutex // held while the file is read
	wrong string     // what the file said last that was no rate, which is told once
}

// knob turns l, unless its file does.
func (l *limit) knob(name string) block.Knob {
	return block.Knob{Name: name, Kind: "BITS", Unit: "bit/s", Value: param.FormatSize(l.rate.Load()), Set: func(value string) error {
		rate, err := param.ParseSize(value)
		switch {
		case err != nil:
			return err
		case l.file != "":
			return param.WithHint(fmt.Errorf("%s says what the rate is", l.file), "write the rate into that file")
		}
		l.rate.Store(rate)
		return nil
	}}
}

// none reports that there is no limit, and nothing to look at that may say one.
func (l *limit) none() bool { return l.file == "" && l.rate.Load() == 0 }

// now is the rate that holds now.
func (l *limit) now() uint64 {
	if l.file == "" {
		return l.rate.Load()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := firstLine(l.file)
	if errors.Is(err, os.ErrNotExist) || err == nil && text == "" {
		return l.rate.Load()
	}
	if err == nil {
		var rate uint64
		if rate, err = param.ParseSize(text); err == nil {
			l.rate.Store(rate)
			l.wrong = ""
			return rate
		}
		err = fmt.Errorf("%q: %w", text, err)
	}
	if wrong := err.Error(); wrong != l.wrong {
		l.wrong = wrong
		l.event("rate: read %s: %v; the rate stays %d bits a second", l.file, err, l.rate.Load())
	}
	return l.rate.Load()
}

// firstLine reads a file that is short, and does not wait if it is a pipe.
func firstLine(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 100))
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimRight(line, "\r"), err
}
