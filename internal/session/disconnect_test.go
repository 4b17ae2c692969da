package session

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
	"example.com/nbdtui/internal/param"
)

// puppet is a filter that does what a client writes to offset 0: "soft", "force" and "shutdown" ask for just that,
// "force N" for the end of another client, by the order in which they came, "begun N" is answered when N reads of the
// second MiB have begun, and "let" lets those go, which wait until then.
type puppet struct {
	mu      sync.Mutex
	more    sync.Cond // begun
	begun   int
	clients []block.OpenRequest
	let     chan struct{}
}

// puppets is where a test finds the one of its session.
var puppets = make(chan *puppet, 1)

func init() {
	block.Register(block.Registration{Kind: block.Filter, Name: "puppet", New: func() block.Builder { return puppetBuilder{} }})
}

type puppetBuilder struct{}

func (puppetBuilder) Table() param.Table { return param.Table{} }
func (puppetBuilder) Build(block.Host) (block.Layer, error) {
	p := &puppet{let: make(chan struct{})}
	p.more.L = &p.mu
	puppets <- p
	return p, nil
}

func (p *puppet) Close() error { return nil }
func (p *puppet) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients = append(p.clients, o)
	return &dancing{next, p, o}, nil
}

type dancing struct {
	*block.Door
	puppet *puppet
	o      block.OpenRequest
}

func (d *dancing) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	switch {
	case r.Cmd == block.Write && r.Offset == 0:
		d.obey(string(bytes.TrimRight(r.Data, " ")))
	case r.Cmd == block.Read && r.Offset>>20 == 1:
		d.puppet.begin()
		select {
		case <-d.puppet.let:
		case <-ctx.Done():
			return block.ErrShutdown
		}
	}
	return d.Door.Serve(ctx, r, w)
}

func (d *dancing) obey(word string) {
	switch n := 0; word {
	case "soft", "force":
		d.o.Disconnect(word == "force")
	case "shutdown":
		d.o.Shutdown()
	case "let":
		close(d.puppet.let)
	default:
		if _, err := fmt.Sscanf(word, "begun %d", &n); err == nil {
			d.puppet.await(n)
		} else if _, err := fmt.Sscanf(word, "force %d", &n); err == nil {
			d.puppet.disconnect(n)
		}
	}
}

func (p *puppet) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun++
	p.more.Broadcast()
}

func (p *puppet) await(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.begun < n {
		p.more.Wait()
	}
}

func (p *puppet) disconnect(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[n].Disconnect(true)
}

// asks is the beginning of each script: say tells the puppet, slow starts reads that wait, became is how a command
// ended, "ok" or an error's name.
const asks = `
import errno, os, time
uri = os.environ["nbd"]
def connect():
    h = nbd.NBD()
    h.set_strict_mode(0)
    h.connect_uri(uri)
    return h
def say(h, word): h.pwrite(word.encode().ljust(512), 0)
def slow(h, n): return [h.aio_pread(nbd.Buffer(512), (1 << 20) + 512 * i) for i in range(n)]
def call(f):
    try: f()
    except nbd.Error as e: return e.errno
    return "ok"
def became(h, cookie):
    def done():
        while not h.aio_command_completed(cookie): h.poll(-1)
    return call(done)
def same(got, want): assert got == want, (got, want)
def touch(name): open(os.environ["dir"] + "/" + name, "w").close()
def wait_for(name):
    while not os.path.exists(os.environ["dir"] + "/" + name): time.sleep(0.002)
other = connect()
`

// nbdsh starts a session whose captive is a script of libnbd's shell.
func nbdsh(t *testing.T, listen Listen, script string) (s *Session, p *puppet, dir string) {
	t.Helper()
	if _, err := exec.LookPath("nbdsh"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("nbdsh is missing: scripts/peers installs it")
		}
		t.Skip("nbdsh is missing: scripts/peers installs it")
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(asks+script), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("dir", dir)
	t.Setenv("PATH", "/usr/bin:"+os.Getenv("PATH")) // its Python is the system's
	s = startOn(t, listen, Config{Run: `trap 'exit 99' HUP TERM; nbdsh -c - <"$dir/script" 2>"$dir/stderr"`},
		"memory", []string{"puppet"}, "4M")
	t.Cleanup(func() {
		if said, _ := os.ReadFile(filepath.Join(dir, "stderr")); t.Failed() {
			t.Logf("nbdsh said %s", said)
		}
	})
	return s, <-puppets, dir
}

var sockets = map[string]Listen{"unix": {Private: true}, "tcp": {Host: "127.0.0.1", Port: "0"}}

// ran checks how a script ended.
func ran(t *testing.T, s *Session, want int) {
	t.Helper()
	await(t, "the script's end", s.Done())
	if code, err := s.Wait(); code != want || err != nil {
		t.Errorf("status %d, %v, want %d", code, err, want)
	}
}

// What is in flight is finished; what comes later is answered ESHUTDOWN, unless it is wrong anyhow; DISC is obeyed.
// Others do not notice, and the client may come again.
func TestALayersSoftDisconnect(t *testing.T) {
	for name, listen := range sockets {
		t.Run(name, func(t *testing.T) {
			s, _, _ := nbdsh(t, listen, `
h = connect()
reads = slow(h, 4)
say(h, "begun 4")
say(h, "soft")
for f in (lambda: h.pread(512, 0), lambda: h.pwrite(bytes(512), 512), lambda: h.flush(), lambda: h.trim(512, 0)):
    same(call(f), "ESHUTDOWN")
same(call(lambda: h.pread(512, 4 << 20)), "EINVAL")
same(call(lambda: h.pwrite(bytes(512), 4 << 20)), "ENOSPC")
same(call(lambda: other.pread(512, 0)), "ok")
say(other, "let")
same([became(h, c) for c in reads], ["ok"] * 4)
same(call(lambda: h.pread(512, 0)), "ESHUTDOWN")
assert h.aio_is_ready()
h.shutdown()
assert h.aio_is_closed()
again = connect()
same(call(lambda: again.pread(512, 1 << 20)), "ok")
same(call(lambda: other.pread(512, 0)), "ok")
`)
			ran(t, s, 0)
		})
	}
}

// No command of the client is answered, not even the one that asked; it finds the end at a message's boundary.
func TestALayersForcedDisconnect(t *testing.T) {
	for name, listen := range sockets {
		t.Run(name, func(t *testing.T) {
			s, _, _ := nbdsh(t, listen, `
h = connect()
reads = slow(h, 4)
say(h, "begun 4")
asked = h.aio_pwrite(nbd.Buffer.from_bytearray(bytearray(b"force".ljust(512))), 0)
same([became(h, c) for c in reads + [asked]], ["ENOTCONN"] * 5)
assert h.aio_is_closed(), h.connection_state()
same(call(lambda: other.pread(512, 0)), "ok")
again = connect()
reads = slow(again, 100) # more than are served, wait, and have been read
say(other, "begun 20")
say(other, "force 2")
same({became(again, c) for c in reads}, {"ENOTCONN"})
assert again.aio_is_closed(), again.connection_state()
once_more = connect()
same(call(lambda: once_more.pread(512, 0)), "ok")
`)
			ran(t, s, 0)
		})
	}
}

// A layer ends the session: what is in flight is finished, what waits for a worker is answered ESHUTDOWN, and what
// comes later not at all. The script goes on after its last client, unsignalled, and its status is the session's.
func TestALayersShutdown(t *testing.T) {
	for name, listen := range sockets {
		t.Run(name, func(t *testing.T) {
			s, p, dir := nbdsh(t, listen, `
h, idle = connect(), connect()
reads = slow(h, 16)
say(other, "begun 16")
reads += slow(h, 5)
wait_for("read")
say(other, "shutdown")
wait_for("stopped")
late = h.aio_pread(nbd.Buffer(512), 0)
touch("late")
same([became(h, c) for c in reads], ["ok"] * 16 + ["ESHUTDOWN"] * 5)
same(became(h, late), "ENOTCONN")
for gone in (idle, other):
    while gone.aio_is_ready(): gone.poll(-1)
assert all(gone.aio_is_closed() for gone in (h, idle, other))
assert call(connect) in ("ECONNREFUSED", "ENOENT"), call(connect)
wait_for("ended")
os._exit(7)
`)
			eventually(t, "the requests that wait", func() bool {
				return slices.ContainsFunc(s.server.Clients().Present, func(c nbd.Client) bool { return c.Queued == 5 })
			})
			touch(t, dir, "read")
			await(t, "the wish to end", s.stop.asked)
			eventually(t, "the client is read no more", func() bool {
				c := s.server.Clients().Present
				return len(c) == 1 && c[0].State == nbd.Leaving
			})
			touch(t, dir, "stopped")
			eventually(t, "a late request", func() bool { return exists(dir, "late") })
			close(p.let)
			eventually(t, "a server that has ended", func() bool { return State(s.phase.Load()) == Waiting })
			touch(t, dir, "ended")
			ran(t, s, 7)
		})
	}
}

func touch(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// eventually waits for what happens in its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
