package nbd_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

// crowd is a layer that sees who is in it. A client is known by the MiB that its requests are in.
type crowd struct {
	mu      sync.Mutex
	all     int
	clients [8]int
	most    int    // requests at once
	mostOne int    // of one client
	order   string // of the clients
	meet    int    // requests that wait for one another; 0 for none
	met     chan struct{}
	once    sync.Once
}

func (c *crowd) serve(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
	client := r.Offset >> 20
	c.mu.Lock()
	c.all++
	c.clients[client]++
	c.most, c.mostOne = max(c.most, c.all), max(c.mostOne, c.clients[client])
	c.order += fmt.Sprint(client)
	if c.all == c.meet {
		c.once.Do(func() { close(c.met) })
	}
	c.mu.Unlock()
	if c.meet > 0 {
		select {
		case <-c.met:
		case <-ctx.Done():
			return block.ErrShutdown
		}
	}
	err := next.Serve(ctx, r, w)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	c.clients[client]--
	return err
}

// crowdedHouse has its layers as strict as threads, and the crowd in it.
func crowdedHouse(t *testing.T, c *crowd, threads block.Threads, workers int, prompt bool) *house {
	c.met = make(chan struct{})
	return newHouse(t, through(c.serve), func(_ *house, cfg *nbd.Config) {
		cfg.Threads, cfg.Workers, cfg.Prompt = threads, workers, prompt
	})
}

// two is two clients that ask for eight things each before they look at an answer. Each leaves when it has its own.
const two = `
a, b = nbd.NBD(), nbd.NBD()
for h in (a, b): h.connect_uri("%s")
def ask(h, mib): return [h.aio_pread(nbd.Buffer(512), (mib << 20) + 512 * i) for i in range(8)]
left = {a: set(ask(a, 0)), b: set(ask(b, 1))}
while left:
    for h in list(left):
        h.poll(10)
        left[h] = {c for c in left[h] if not h.aio_command_completed(c)}
        if not left[h]:
            h.shutdown()
            del left[h]
`

func TestSerialisedLayersGetOneRequestAtATime(t *testing.T) {
	for name, c := range map[string]struct {
		threads       block.Threads
		workers       int
		meet          int // where so many are promised at once, they wait for one another
		most, mostOne int // may be there
	}{
		"parallel":               {block.Parallel, 8, 16, 16, 8},
		"parallel, -t 1":         {block.Parallel, 1, 2, 2, 1},
		"serialize_requests":     {block.SerializeRequests, 16, 2, 2, 1},
		"serialize_all_requests": {block.SerializeAllRequests, 16, 0, 1, 1},
		"serialize_connections":  {block.SerializeConnections, 16, 0, 1, 1},
	} {
		for _, prompt := range []bool{false, true} {
			if prompt && c.meet > 0 {
				c.meet = 0 // the reader would wait in the layer
			}
			t.Run(fmt.Sprintf("%s/prompt=%v", name, prompt), func(t *testing.T) {
				crowd := &crowd{meet: c.meet}
				h := crowdedHouse(t, crowd, c.threads, c.workers, prompt)
				run(t, "nbdsh", "-c", fmt.Sprintf(two, h.uri()))
				crowd.mu.Lock()
				defer crowd.mu.Unlock()
				if crowd.most > c.most || crowd.mostOne > c.mostOne {
					t.Errorf("%d requests at once, %d of one client", crowd.most, crowd.mostOne)
				}
				if len(crowd.order) != 16 {
					t.Errorf("%d requests came", len(crowd.order))
				}
				if c.threads == block.SerializeConnections &&
					crowd.order != strings.Repeat("0", 8)+strings.Repeat("1", 8) &&
					crowd.order != strings.Repeat("1", 8)+strings.Repeat("0", 8) {
					t.Errorf("requests of the clients %s: one came while the other was there", crowd.order)
				}
			})
		}
	}
}

// A request that is held in a serialised layer keeps nobody from shaking hands, asking what there is, or leaving.
func TestTheHandshakeWaitsForNoRequest(t *testing.T) {
	for _, threads := range []block.Threads{block.SerializeRequests, block.SerializeAllRequests, block.SerializeConnections} {
		for _, prompt := range []bool{false, true} {
			c := &crowd{}
			h := crowdedHouse(t, c, threads, 0, prompt)
			h.gate.Shut()
			held := h.client("unix", false)
			held.request(1, ask{cmd: 0, n: 512})
			h.eventually("the request is held", func() bool {
				clients := h.server.Clients().Present
				return len(clients) == 1 && clients[0].Held == 1
			})
			run(t, "nbdsh", "-c", fmt.Sprintf(`
h.set_opt_mode(True)
h.connect_uri("%s")
names = []
h.opt_list(lambda name, text: names.append(name))
assert names == ["", "disk"], names
h.opt_go()
assert h.can_multi_conn() == %s
h.shutdown()
`, h.uri(), map[bool]string{true: "False", false: "True"}[threads == block.SerializeConnections]))
			h.gate.Resume()
			if e, cookie, _ := held.simple(512); e != 0 || cookie != 1 {
				t.Errorf("%v: error %d, cookie %d", threads, e, cookie)
			}
		}
	}
}

// Who waits for a turn is ended by a shutdown, and when the client vanishes.
func TestWaitingForATurnEnds(t *testing.T) {
	for _, threads := range []block.Threads{block.SerializeAllRequests, block.SerializeConnections} {
		var entered atomic.Int64
		in, out := make(chan struct{}), make(chan struct{})
		h := newHouse(t, through(func(ctx context.Context, r block.Request, w *block.Reply, next block.Handler) error {
			if r.Cmd == block.Read && entered.Add(1) == 1 {
				close(in)
				<-out
			}
			return next.Serve(ctx, r, w)
		}), func(_ *house, c *nbd.Config) { c.Threads = threads })
		first, second, third := h.client("unix", false), h.client("unix", false), h.client("unix", false)
		first.request(1, ask{cmd: 0, n: 512})
		<-in
		second.request(2, ask{cmd: 0, n: 512})
		third.request(3, ask{cmd: 0, n: 512})
		h.eventually("two clients wait", func() bool {
			queued := 0
			for _, c := range h.server.Clients().Present {
				queued += c.Queued
			}
			return queued == 2
		})
		second.Close()
		h.eventually("the second one is gone", func() bool { return len(h.server.Clients().Present) == 2 })
		ended := make(chan error, 1)
		go func() { ended <- h.server.Shutdown(t.Context()) }()
		if e, cookie, _ := third.simple(512); e != eshutdown || cookie != 3 {
			t.Errorf("%v: who waits for a turn gets error %d, cookie %d", threads, e, cookie)
		}
		close(out)
		if e, cookie, _ := first.simple(512); e != 0 || cookie != 1 {
			t.Errorf("%v: who had the turn gets error %d, cookie %d", threads, e, cookie)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := entered.Load(); n != 1 {
			t.Errorf("%v: %d requests reached the layer", threads, n)
		}
	}
}
