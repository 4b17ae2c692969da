package filters

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "error",
		Prompt:  true,
		Summary: "answer requests with errors, at random or while a file exists",
		Help: `Fails a share of the requests, error-rate= (0.1 or 10%), with error=, and where error-file= is given only while
a file of that name exists. The same with -pread, -pwrite, -trim, -zero, -extents or -cache behind error sets it for
requests of that kind alone; the general parameters set all kinds, so they come first.

    nbdtui --filter=error file disk.img error=ENOSPC error-pwrite-rate=100%

Without a rate it does nothing. It never fails a flush, nor the opening of an export. A request that it fails was not
passed on: nothing of it was done. Zeroes fail as writes where the server has to write them.`,
		New: func() block.Builder { return newErrorBuilder() },
	})
}

// fault is when requests of one kind fail, and how.
type fault struct {
	errno syscall.Errno
	rate  float64 // 0 to 1
	file  trigger
	err   error // what is answered
}

// errorBuilder has no fault for Flush: its rate stays 0.
type errorBuilder struct{ faults [block.Commands]fault }

func newErrorBuilder() *errorBuilder {
	b := &errorBuilder{}
	for i := range b.faults {
		b.faults[i].errno = syscall.EIO
	}
	return b
}

// faultKinds are the requests that can fail, and faultNames what the parameters call them.
func faultKinds() []block.Cmd {
	return []block.Cmd{block.Read, block.Write, block.Trim, block.WriteZeroes, block.BlockStatus, block.Cache}
}

var faultNames = []string{"pread", "pwrite", "trim", "zero", "extents", "cache"}

func (b *errorBuilder) Table() param.Table {
	kinds := faultKinds()
	table := param.Table{Params: faultParams("error", "any request", b.faultsOf(kinds...))}
	for i, name := range faultNames {
		table.Params = append(table.Params, faultParams("error-"+name, "a "+kinds[i].String(), b.faultsOf(kinds[i]))...)
	}
	return table
}

func (b *errorBuilder) faultsOf(kinds ...block.Cmd) (list []*fault) {
	for _, k := range kinds {
		list = append(list, &b.faults[k])
	}
	return list
}

// faultParams are the three parameters of some kinds of requests.
func faultParams(name, what string, faults []*fault) []param.Param {
	set := func(change func(value string, f *fault) error) func(string) error {
		return func(value string) error {
			for _, f := range faults {
				if err := change(value, f); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return []param.Param{
		{Name: name, Kind: "ERROR", Default: "EIO", Help: "the error for " + what, Set: set(setErrno)},
		{Name: name + "-rate", Kind: "RATE", Default: "0", Help: "how often " + what + " fails, 0 to 1 or 0% to 100%", Set: set(setShare)},
		{Name: name + "-file", Kind: "PATH", Help: what + " fails only while this file exists",
			Set: set(func(value string, f *fault) error { return f.file.set(value) })},
	}
}

var (
	errnos     = []syscall.Errno{syscall.EPERM, syscall.EIO, syscall.ENOMEM, syscall.EINVAL, syscall.ENOSPC, syscall.ESHUTDOWN}
	errnoNames = []string{"EPERM", "EIO", "ENOMEM", "EINVAL", "ENOSPC", "ESHUTDOWN"}
)

func setErrno(value string, f *fault) error {
	i := slices.Index(errnoNames, value)
	if i < 0 {
		return fmt.Errorf("must be one of %s", strings.Join(errnoNames, ", "))
	}
	f.errno = errnos[i]
	return nil
}

func setShare(value string, f *fault) error {
	number, percent := strings.CutSuffix(value, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share >= 0 && share <= 1) {
		return errors.New("must be a number from 0 to 1, or 0% to 100%")
	}
	f.rate = share
	return nil
}

func (b *errorBuilder) Build(block.Host) (block.Layer, error) {
	l := &errorLayer{}
	for c := range b.faults {
		l.faults[c].Store(b.faults[c].ready(block.Cmd(c)))
	}
	return l, nil
}

// ready is f with what a request of its kind is answered.
func (f fault) ready(c block.Cmd) *fault {
	f.err = fmt.Errorf("the error filter failed the %v: %w", c, f.errno)
	return &f
}

type errorLayer struct {
	turning sync.Mutex // one knob at a time
	faults  [block.Commands]atomic.Pointer[fault]
}

// Knobs are the error and the share of all kinds together, then of each.
func (l *errorLayer) Knobs() (knobs []block.Knob) {
	kinds := faultKinds()
	add := func(name string, kinds ...block.Cmd) {
		knobs = append(knobs,
			l.knob(name+"-rate", "RATE", setShare, fault.share, kinds),
			l.knob(name, "ERROR", setErrno, fault.name, kinds))
	}
	add("error", kinds...)
	for i, k := range kinds {
		add("error-"+faultNames[i], k)
	}
	return knobs
}

// knob turns what change changes and say says of some kinds.
func (l *errorLayer) knob(name, kind string, change func(string, *fault) error, say func(fault) string, of []block.Cmd) block.Knob {
	value := say(*l.faults[of[0]].Load())
	for _, c := range of[1:] {
		if say(*l.faults[c].Load()) != value {
			value = ""
		}
	}
	return block.Knob{Name: name, Kind: kind, Value: value, Set: func(value string) error {
		l.turning.Lock()
		defer l.turning.Unlock()
		for _, c := range of {
			f := *l.faults[c].Load()
			if err := change(value, &f); err != nil {
				return err
			}
			l.faults[c].Store(f.ready(c))
		}
		return nil
	}}
}

func (f fault) share() string { return strconv.FormatFloat(f.rate*100, 'g', 6, 64) + "%" }
func (f fault) name() string  { return errnoNames[slices.Index(errnos, f.errno)] }

func (l *errorLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	return &faulty{l, next}, nil
}

func (l *errorLayer) Close() error { return nil }

// faulty is one client's view.
type faulty struct {
	*errorLayer
	next *block.Door
}

func (h *faulty) Info() block.Info { return h.next.Info() }

func (h *faulty) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if f := h.faults[r.Cmd].Load(); f.rate > 0 {
		if r.Flags&block.NoWait != 0 {
			return block.ErrWait // asked again, it would have another chance to fail
		}
		if rand.Float64() < f.rate && f.file.on() {
			return f.err
		}
	}
	return h.next.Serve(ctx, r, w)
}

func (h *faulty) Close(ctx context.Context) error { return h.next.Close(ctx) }
