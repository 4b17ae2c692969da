package nbd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
	"example.com/nbdtui/internal/secure"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if dir, err := certificates(); err == nil {
			os.RemoveAll(dir)
		}
		os.Exit(code)
	}))
}

// deadline is when a test that waits gives up.
const deadline = 20 * time.Second

// certificates are made once, and removed by TestMain.
var certificates = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nbd-certificates-")
	if err != nil {
		return "", err
	}
	return dir, makeCertificates(dir)
})

func makeCertificates(dir string) error { return secure.MakeCertificates(dir, []string{"localhost"}) }

// wrap is the server's TLS, or a client's.
func wrap(t testing.TB, server bool) secure.Wrap {
	t.Helper()
	dir, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	w, err := secure.ClientCertificates(dir, "localhost", true)
	if server {
		w, err = secure.ServerCertificates(dir, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// disk is a memory device with holes of 4 KiB; everything is a hole until it is written.
type disk struct {
	mu   sync.RWMutex
	data []byte
	used []bool

	syncing chan chan struct{} // a test that takes one has Sync wait until it closes it
	calm    chan struct{}      // closed where no test does
}

const page = 4096

func newDisk(size int) *disk {
	d := &disk{data: make([]byte, size), used: make([]bool, (size+page-1)/page), calm: make(chan struct{})}
	close(d.calm)
	return d
}

// bytes is what the disk holds.
func (d *disk) bytes() []byte {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return bytes.Clone(d.data)
}

func (d *disk) Size() uint64 { return uint64(len(d.data)) }

func (d *disk) Sync() error {
	done := make(chan struct{})
	select {
	case d.syncing <- done:
		<-done
	case <-d.calm:
	}
	return nil
}

func (d *disk) ReadAt(b []byte, off int64) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n := copy(b, d.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (d *disk) WriteAt(b []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p := int(off) / page; p*page < int(off)+len(b); p++ {
		d.used[p] = true
	}
	return copy(d.data[off:], b), nil
}

func (d *disk) ReplyAt(w *block.Reply, off, n uint64, _ block.Flags) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for n > 0 {
		step, used := d.run(off, n)
		if used {
			copy(w.Bytes(step), d.data[off:off+step])
		} else {
			w.Hole(step)
		}
		off, n = off+step, n-step
	}
	return nil
}

// run is how far what begins at off is all used, or all not.
func (d *disk) run(off, n uint64) (uint64, bool) {
	used, end := d.used[off/page], off
	for end < off+n && d.used[end/page] == used {
		end = (end/page + 1) * page
	}
	return min(end-off, n), used
}

func (d *disk) Trim(off, n uint64) error { return d.WriteZeroes(off, n, block.MayTrim) }

func (d *disk) WriteZeroes(off, n uint64, f block.Flags) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.data[off : off+n])
	for p := off / page; p*page < off+n; p++ {
		whole := off <= p*page && min((p+1)*page, uint64(len(d.data))) <= off+n
		d.used[p] = f&block.MayTrim == 0 || d.used[p] && !whole
	}
	return nil
}

func (d *disk) ExtentsAt(w *block.Reply, off, n uint64, f block.Flags) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for n > 0 {
		step, used := d.run(off, n)
		if used {
			w.Extent(step, 0)
		} else {
			w.Extent(step, block.Hole|block.Zero)
		}
		if f&block.ReqOne != 0 {
			break
		}
		off, n = off+step, n-step
	}
	return nil
}

func (d *disk) CacheAt(uint64, uint64) error { return nil }

func (d *disk) ServePrompt(r block.Request, w *block.Reply) error {
	switch r.Cmd {
	case block.Read:
		return d.ReplyAt(w, r.Offset, r.Length, r.Flags)
	case block.Write:
		_, err := d.WriteAt(r.Data, int64(r.Offset))
		return err
	}
	return block.ErrWait
}

var (
	_ block.Replier  = (*disk)(nil)
	_ block.Prompter = (*disk)(nil)
	_ block.Extenter = (*disk)(nil)
	_ block.Zeroer   = (*disk)(nil)
)

// hook is a layer between the gate and the disk.
type hook func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error

type hooked struct {
	block.Handler
	hook hook
}

func (h hooked) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	return h.hook(ctx, r, w, h.Handler)
}

// house is a server with what stands around it.
type house struct {
	t      testing.TB
	server *nbd.Server
	gate   *block.Gate
	disk   *disk
	hook   hook
	info   block.Info
	slow   time.Duration // how long opening takes
	unix   string
	tcp    string

	flags    uint16 // that the server offers
	network  string // by which clients come who want to be served
	ended    bool   // the test has shut the server down
	oldstyle bool   // the server greets so

	mu     sync.Mutex
	events []string
	opened int
	closed int
	slices chan struct{} // that an endless disk serves
}

// newHouse starts a server on a Unix socket and on TCP. It knows the exports "" and "disk", and ends with the test.
func newHouse(t testing.TB, with ...func(*house, *nbd.Config)) *house {
	nbd.ForgetClients()
	h := &house{t: t, gate: block.NewGate(nil), disk: newDisk(8 << 20), info: block.Info{MultiConn: true, FastZero: true}, flags: 3, network: "unix", slices: make(chan struct{})}
	cfg := nbd.Config{
		Open: h.open,
		List: func(context.Context, block.ListRequest) ([]block.Export, error) {
			return []block.Export{{Name: ""}, {Name: "disk", Description: "a disk in memory"}}, nil
		},
		Gate:   h.gate,
		TLS:    wrap(t, true),
		Prompt: true,
		Event:  h.event,
	}
	for _, f := range with {
		f(h, &cfg)
	}
	h.server = nbd.NewServer(cfg)
	h.unix = filepath.Join(t.TempDir(), "s")
	u, err := net.Listen("unix", h.unix)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.tcp = l.Addr().String()
	var served sync.WaitGroup
	for _, l := range []net.Listener{u, l} {
		served.Go(func() {
			if err := h.server.Serve(l); err != nil {
				t.Errorf("serve: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		h.gate.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		if err := h.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		served.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.opened != h.closed {
			t.Errorf("%d doors were opened and %d closed", h.opened, h.closed)
		}
	})
	return h
}

// through puts f between the gate and the disk.
func through(f hook) func(*house, *nbd.Config) {
	return func(h *house, c *nbd.Config) { h.hook, c.Prompt = f, false }
}

// put is through, for exports that are opened later.
func (h *house) put(f hook) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = f
}

func (h *house) event(_ nbd.Level, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, fmt.Sprintf(format, args...))
}

// told is how often text stands in the events so far.
func (h *house) told(text string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Count(strings.Join(h.events, "\n"), text)
}

func (h *house) open(ctx context.Context, o block.OpenRequest) (*block.Door, error) {
	if o.Name != "" && o.Name != "disk" {
		return nil, fmt.Errorf("no export %q", o.Name)
	}
	if h.slow > 0 {
		time.Sleep(h.slow) // in make-believe time only
	}
	gated, err := block.GateLayer().Open(ctx, o, func(context.Context, block.OpenRequest) (*block.Door, error) {
		info := h.info
		info.ReadOnly = info.ReadOnly || o.ReadOnly
		if o.Name == "disk" {
			info.Description = "a disk in memory"
		}
		inner := block.FromDevice(h.disk, info)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.hook != nil {
			inner = hooked{inner, h.hook}
		}
		return block.NewDoor(counted{inner, h}, "disk", false, h.layerEvent), nil
	})
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened++
	return block.NewDoor(gated, "gate", true, h.layerEvent), nil
}

func (h *house) layerEvent(format string, args ...any) { h.event(nbd.Warning, format, args...) }

// counted counts what is closed.
type counted struct {
	block.Handler
	house *house
}

func (c counted) Close(ctx context.Context) error {
	c.house.mu.Lock()
	defer c.house.mu.Unlock()
	c.house.closed++
	return c.Handler.Close(ctx)
}

// alone waits until there is one connection left.
func (h *house) alone() {
	h.t.Helper()
	h.eventually("the others are gone", func() bool { return len(h.server.Clients().Present) == 1 })
}

// uri is how peers call the export "" on the Unix socket.
func (h *house) uri() string { return "nbd+unix:///?socket=" + h.unix }

// eventually waits for what the server does in its own time.
func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(deadline); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			h.t.Fatalf("never happened: %s", what)
		}
	}
}
