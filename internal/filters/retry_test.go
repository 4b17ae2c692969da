package filters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// bottom is a plugin that does what a test says. The number of the opening counts from 1.
type bottom struct {
	open  func(number int) error
	serve func(ctx context.Context, number int, r block.Request) error
	info  func(number int, i *block.Info)

	mu             sync.Mutex
	opened, closed int
	requests       []block.OpenRequest
}

func (b *bottom) Open(_ context.Context, o block.OpenRequest) (*block.Door, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, o)
	if b.open != nil {
		if err := b.open(len(b.requests)); err != nil {
			return nil, err
		}
	}
	b.opened++
	i := block.Info{Size: 1 << 20, Flush: true, Trim: true, FastZero: true, Zero: block.Native, FUA: block.Native, Cache: block.Native}
	if b.info != nil {
		b.info(len(b.requests), &i)
	}
	return block.NewDoor(&bottomHandler{b, len(b.requests), i}, "bottom", false, func(string, ...any) {}), nil
}

func (b *bottom) left() (opened, closed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened, b.closed
}

type bottomHandler struct {
	*bottom
	number int
	i      block.Info
}

func (h *bottomHandler) Info() block.Info { return h.i }

func (h *bottomHandler) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if r.Cmd == block.Read {
		copy(w.Bytes(r.Length), fmt.Sprintf("opened %d", h.number))
	}
	return h.serve(ctx, h.number, r)
}

func (h *bottomHandler) Close(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed++
	return nil
}

// above opens a filter over b, as the outermost layer; all that was opened must be closed with the test.
func above(t *testing.T, b *bottom, filter string, words ...string) (*block.Door, error) {
	t.Helper()
	l, err := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: filter, Words: words}).Build(block.Host{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := l.Open(t.Context(), block.OpenRequest{Name: "x"}, b.Open)
	if err != nil {
		return nil, err
	}
	d := block.NewDoor(h, filter, true, func(f string, args ...any) { t.Errorf(f, args...) })
	t.Cleanup(func() {
		if err := errors.Join(d.Close(context.Background()), l.Close()); err != nil {
			t.Error(err)
		}
		if opened, closed := b.left(); opened != closed {
			t.Errorf("%d were opened and %d closed", opened, closed)
		}
	})
	return d, nil
}

func mustAbove(t *testing.T, b *bottom, filter string, words ...string) *block.Door {
	t.Helper()
	d, err := above(t, b, filter, words...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// read says which opening answers, without the text's tail.
func read(t *testing.T, ctx context.Context, d *block.Door) (string, error) {
	b := make([]byte, 16)
	err := d.ReadInto(ctx, b, 0, 0)
	return strings.TrimRight(string(b), "\x00"), err
}

func healthy(context.Context, int, block.Request) error { return nil }

func TestRetryReopensAndAsksAgain(t *testing.T) {
	for _, c := range []struct {
		words []string
		fails int // openings whose requests fail
		took  time.Duration
		err   error
	}{
		{nil, 0, 0, nil},
		{nil, 2, 6 * time.Second, nil}, // 2 and 4
		{nil, 5, 62 * time.Second, nil},
		{nil, 6, 62 * time.Second, syscall.ENOSPC},
		{[]string{"retry-exponential=no"}, 5, 10 * time.Second, nil},
		{[]string{"retry-delay=1.5", "retries=1"}, 1, 1500 * time.Millisecond, nil},
		{[]string{"retry-delay=100ms", "retries=1"}, 2, 100 * time.Millisecond, syscall.ENOSPC},
		{[]string{"retries=0"}, 1, 0, syscall.ENOSPC},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &bottom{serve: func(_ context.Context, number int, _ block.Request) error {
				if number <= c.fails {
					return syscall.ENOSPC
				}
				return nil
			}}
			d := mustAbove(t, b, "retry", c.words...)
			start := time.Now()
			if b := do(t.Context(), d, block.Flush, block.NoWait); b != block.ErrWait {
				t.Errorf("%v under NoWait", b)
			}
			got, err := read(t, t.Context(), d)
			if !errors.Is(err, c.err) || time.Since(start) != c.took {
				t.Errorf("%v: %v after %v, want %v after %v", c.words, err, time.Since(start), c.err, c.took)
			}
			if want := fmt.Sprintf("opened %d", c.fails+1); err == nil && got != want {
				t.Errorf("%v: %q, want %q", c.words, got, want)
			}
		})
	}
}

// A disk that is opened anew knows nothing of what the one before it has lost: its flush would succeed.
func TestRetryHidesNoLostWrite(t *testing.T) {
	for _, filter := range []string{"retry", "retry-request"} {
		b := &bottom{serve: func(_ context.Context, number int, r block.Request) error {
			if number == 1 && (r.Cmd == block.Flush || r.Flags&block.FUA != 0) {
				return fmt.Errorf("%w: %w", block.ErrLost, syscall.EIO)
			}
			return nil
		}}
		d := mustAbove(t, b, filter)
		for _, r := range []block.Request{
			{Cmd: block.Flush}, {Cmd: block.Write, Flags: block.FUA, Length: 1, Data: []byte("a")}, {Cmd: block.Flush},
		} {
			a := block.GetAnswer(false)
			if err := d.Serve(t.Context(), r, a.Reply()); !errors.Is(err, block.ErrLost) {
				t.Errorf("%s: %v: %v", filter, r.Cmd, err)
			}
			a.Put()
		}
		if opened, _ := b.left(); opened != 1 {
			t.Errorf("%s: opened %d times", filter, opened)
		}
	}
}

func TestRetryOfOpening(t *testing.T) {
	for _, c := range []struct {
		words []string
		fails int
		took  time.Duration
		err   error
	}{
		{nil, 2, 6 * time.Second, nil}, {nil, 9, 62 * time.Second, syscall.ENXIO}, {[]string{"retries=0"}, 1, 0, syscall.ENXIO},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := above(t, &bottom{open: func(number int) error {
				if number <= c.fails {
					return syscall.ENXIO
				}
				return nil
			}}, "retry", c.words...)
			if !errors.Is(err, c.err) || time.Since(start) != c.took {
				t.Errorf("%v after %v, want %v after %v", err, time.Since(start), c.err, c.took)
			}
		})
	}
}

// What cannot be reopened uses up the tries too, and is ESHUTDOWN then. The next request tries afresh.
func TestRetryOfReopening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		b := &bottom{
			open: func(number int) error {
				if number > 1 && broken {
					return syscall.ENXIO
				}
				return nil
			},
			serve: func(_ context.Context, number int, _ block.Request) error {
				if number == 1 {
					return syscall.EIO
				}
				return nil
			},
		}
		d := mustAbove(t, b, "retry", "retries=3", "retry-exponential=no")
		start := time.Now()
		if _, err := read(t, t.Context(), d); !errors.Is(err, block.ErrShutdown) || time.Since(start) != 6*time.Second {
			t.Errorf("%v after %v, want ESHUTDOWN after 6s", err, time.Since(start))
		}
		if opened, closed := b.left(); opened != 1 || closed != 1 {
			t.Errorf("%d are open", opened-closed)
		}
		if err := do(t.Context(), d, block.WriteZeroes, block.FastZero); !errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("a fast zero while nothing is open: %v", err)
		}
		broken = false
		if got, err := read(t, t.Context(), d); err != nil || got != "opened 5" || time.Since(start) != 8*time.Second {
			t.Errorf("%q, %v, after %v", got, err, time.Since(start))
		}
	})
}

// Many requests fail at once: one of them reopens, once a time, and none counts for the others.
func TestRetryOfManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bottom{serve: func(ctx context.Context, number int, _ block.Request) error {
			sleep(ctx, nil, time.Millisecond)
			if number <= 3 {
				return syscall.EIO
			}
			return nil
		}}
		d := mustAbove(t, b, "retry", "retries=3", "retry-exponential=no")
		start := time.Now()
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if got, err := read(t, t.Context(), d); got != "opened 4" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		group.Wait()
		if took := time.Since(start); took < 6*time.Second || took > 6100*time.Millisecond {
			t.Errorf("it took %v, want 6s", took)
		}
		if opened, closed := b.left(); opened != 4 || closed != 3 {
			t.Errorf("%d were opened and %d closed, want 4 and 3", opened, closed)
		}
	})
}

// A request that hangs ends where it began, and what it hangs in is closed then, not before.
func TestRetryGoesOnBesideOneThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := &bottom{serve: func(_ context.Context, number int, r block.Request) error {
			switch {
			case r.Cmd == block.Write:
				<-release
			case number == 1:
				return syscall.EIO
			}
			return nil
		}}
		d := mustAbove(t, b, "retry")
		hung := make(chan error)
		go func() { hung <- do(t.Context(), d, block.Write, 0) }()
		synctest.Wait()
		if got, err := read(t, t.Context(), d); got != "opened 2" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if opened, closed := b.left(); opened != 2 || closed != 0 {
			t.Errorf("%d were opened and %d closed, and one request is still in the first", opened, closed)
		}
		close(release)
		if err := <-hung; err != nil {
			t.Errorf("the request that hung: %v", err)
		}
		if _, closed := b.left(); closed != 1 {
			t.Error("what it hung in was not closed")
		}
	})
}

func TestRetryEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bottom{serve: func(context.Context, int, block.Request) error { return syscall.EIO }}
		d := mustAbove(t, b, "retry", "retry-delay=3600")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ended := make(chan error)
		for range 3 {
			go func() {
				_, err := read(t, ctx, d)
				ended <- err
			}()
		}
		start := time.Now()
		for range 3 {
			if err := <-ended; !errors.Is(err, block.ErrShutdown) || time.Since(start) != time.Second {
				t.Errorf("%v after %v, want ESHUTDOWN after 1s", err, time.Since(start))
			}
		}
	})
}

func TestRetryReadonly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bottom{serve: func(_ context.Context, number int, _ block.Request) error {
			if number == 1 {
				return syscall.EIO
			}
			return nil
		}}
		d := mustAbove(t, b, "retry", "retry-readonly=yes")
		start := time.Now()
		for range 2 { // the one that reopened it, and one that comes later
			if err := do(t.Context(), d, block.Write, 0); !errors.Is(err, syscall.EROFS) || time.Since(start) != 2*time.Second {
				t.Errorf("a write: %v after %v, want EROFS after 2s", err, time.Since(start))
			}
		}
		if got, err := read(t, t.Context(), d); got != "opened 2" || err != nil || d.Info().ReadOnly {
			t.Errorf("%q, %v, and the client was told that it is read-only: %v", got, err, d.Info().ReadOnly)
		}
		if b.requests[0].ReadOnly || !b.requests[1].ReadOnly || b.requests[1].Name != "x" {
			t.Errorf("it was opened with %+v", b.requests)
		}
	})
}

// What was reopened may be another disk: requests that it cannot serve fail, and Info stays.
func TestRetryOverADiskThatChanged(t *testing.T) {
	for _, c := range []struct {
		change func(*block.Info)
		r      block.Request
		want   error
	}{
		{func(i *block.Info) { i.Size = 1000 }, block.Request{Cmd: block.Read, Length: 4096}, syscall.EIO},
		{func(i *block.Info) { i.Size = 1000 }, block.Request{Cmd: block.Write, Length: 4096, Data: make([]byte, 4096)}, syscall.ENOSPC},
		{func(i *block.Info) { i.Size = 8192 }, block.Request{Cmd: block.Read, Offset: 4096, Length: 4096}, nil},
		{func(i *block.Info) { *i = i.WithoutChanges() }, block.Request{Cmd: block.Trim, Length: 4096}, syscall.EROFS},
		{func(i *block.Info) { i.Trim = false }, block.Request{Cmd: block.Trim, Length: 4096}, syscall.EIO},
		{func(i *block.Info) { i.Flush = false }, block.Request{Cmd: block.Flush}, syscall.EIO},
		{func(i *block.Info) { i.FUA = block.None }, block.Request{Cmd: block.Trim, Flags: block.FUA, Length: 4096}, syscall.EIO},
		{func(i *block.Info) { i.Cache = block.Emulate }, block.Request{Cmd: block.Cache, Length: 4096}, syscall.EIO},
		{func(i *block.Info) { i.FastZero = false }, block.Request{Cmd: block.WriteZeroes, Flags: block.FastZero, Length: 4096}, syscall.ENOTSUP},
		{func(i *block.Info) { i.Zero = block.Emulate }, block.Request{Cmd: block.WriteZeroes, Length: 4096}, nil}, // by writes
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &bottom{
				serve: func(_ context.Context, number int, _ block.Request) error {
					if number == 1 {
						return syscall.EPIPE
					}
					return nil
				},
				info: func(number int, i *block.Info) {
					if number > 1 {
						c.change(i)
					}
				},
			}
			d := mustAbove(t, b, "retry", "retries=2")
			info := d.Info()
			a := block.GetAnswer(false)
			defer a.Put()
			if err := d.Serve(t.Context(), c.r, a.Reply()); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%v: %v, want %v", c.r.Cmd, err, c.want)
			}
			if d.Info() != info {
				t.Error("Info has changed")
			}
		})
	}
}

func TestRetryRefusesBadValues(t *testing.T) {
	for key, values := range map[string][]string{
		"retries": {"-1", "x", "4294967296"}, "retry-delay": {"0", "-1", "x"}, "retry-exponential": {"2"}, "retry-readonly": {""},
	} {
		for _, value := range values {
			if refused(t, "retry", key, value) == nil {
				t.Errorf("%s=%s is taken", key, value)
			}
		}
	}
}

func TestRetryRequest(t *testing.T) {
	for _, c := range []struct {
		words []string
		fails int // requests
		took  time.Duration
		err   error
	}{
		{nil, 0, 0, nil}, {nil, 2, 4 * time.Second, nil}, {nil, 3, 4 * time.Second, syscall.ENOSPC},
		{[]string{"retry-request-retries=1000", "retry-request-delay=10ms"}, 1000, 10 * time.Second, nil},
		{[]string{"retry-request-retries=0"}, 1, 0, syscall.ENOSPC},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			b := &bottom{serve: func(context.Context, int, block.Request) error {
				if asked++; asked <= c.fails {
					return syscall.ENOSPC
				}
				return nil
			}}
			d := mustAbove(t, b, "retry-request", c.words...)
			start := time.Now()
			if got, err := read(t, t.Context(), d); !errors.Is(err, c.err) || time.Since(start) != c.took || err == nil && got != "opened 1" {
				t.Errorf("%v: %q, %v after %v, want %v after %v", c.words, got, err, time.Since(start), c.err, c.took)
			}
		})
	}
}

func TestRetryRequestOfOpening(t *testing.T) {
	for _, c := range []struct {
		words []string
		took  time.Duration
		err   error
	}{
		{nil, 4 * time.Second, nil}, {[]string{"retry-request-open=false"}, 0, syscall.ENXIO},
		{[]string{"retry-request-retries=1"}, 2 * time.Second, syscall.ENXIO},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := above(t, &bottom{serve: healthy, open: func(number int) error {
				if number <= 2 {
					return syscall.ENXIO
				}
				return nil
			}}, "retry-request", c.words...)
			if !errors.Is(err, c.err) || time.Since(start) != c.took {
				t.Errorf("%v: %v after %v, want %v after %v", c.words, err, time.Since(start), c.err, c.took)
			}
		})
	}
}

func TestRetryRequestEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bottom{serve: func(context.Context, int, block.Request) error { return syscall.EIO }}
		d := mustAbove(t, b, "retry-request", "retry-request-delay=3600")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := read(t, ctx, d); !errors.Is(err, block.ErrShutdown) || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want ESHUTDOWN after 1s", err, time.Since(start))
		}
		if err := do(t.Context(), d, block.Read, block.NoWait); err != block.ErrWait {
			t.Errorf("%v under NoWait", err)
		}
	})
	for _, value := range []string{"1001", "-1"} {
		if refused(t, "retry-request", "retry-request-retries", value) == nil {
			t.Errorf("%s retries are taken", value)
		}
	}
}

// A zero that turns out slow is no failure: it is not asked again, and written where it may be slow.
func TestRetryRequestLeavesSlowZeroesAlone(t *testing.T) {
	for _, filter := range []string{"retry", "retry-request"} {
		synctest.Test(t, func(t *testing.T) {
			b := &bottom{serve: func(_ context.Context, _ int, r block.Request) error {
				if r.Cmd == block.WriteZeroes {
					return syscall.EOPNOTSUPP
				}
				return nil
			}}
			d := mustAbove(t, b, filter)
			start := time.Now()
			if err := do(t.Context(), d, block.WriteZeroes, block.FastZero); !errors.Is(err, syscall.EOPNOTSUPP) {
				t.Errorf("%s: a fast zero: %v", filter, err)
			}
			if err := do(t.Context(), d, block.WriteZeroes, 0); err != nil || time.Since(start) != 0 {
				t.Errorf("%s: a zero: %v after %v", filter, err, time.Since(start))
			}
		})
	}
}
