package nbd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// job is a request in hand.
type job struct {
	block.Request
	tag     wire.Tag
	whole   bool          // Read with DF: one chunk
	payload block.Payload // of a write that waits for a worker; the zero value while Data is a piece of the input
	charged uint64        // to the account
	clock   int64         // when it was read
}

func (c *conn) job(h wire.Request, cmd block.Cmd) job {
	return job{
		Request: block.Request{Cmd: cmd, Offset: h.Offset, Length: h.Length},
		tag:     c.tag(h),
		clock:   c.clock,
	}
}

func (c *conn) tag(h wire.Request) wire.Tag {
	return wire.Tag{Cookie: h.Cookie, Offset: h.Offset, Extended: c.extended}
}

// start checks a request and has it served.
func (c *conn) start(j *job, h wire.Request, allowed wire.CommandFlags) error {
	if err := c.check(j, h, allowed); err != nil {
		return c.refuseRequest(j, err)
	}
	if j.Cmd == block.Read {
		if !c.account.take(j.Length, c.out.flush) {
			return c.refuseRequest(j, block.ErrShutdown)
		}
		j.charged = j.Length
	}
	return c.dispatch(j)
}

// check refuses what is not allowed, and everything once the client is told to go. It sets FUA, which is legal on
// every command where it is offered.
func (c *conn) check(j *job, h wire.Request, allowed wire.CommandFlags) error {
	if c.export.info.FUA != block.None {
		allowed |= wire.FlagFUA
	}
	if h.Flags&^allowed != 0 {
		return errFlags
	}
	if h.Flags&wire.FlagFUA != 0 && j.Cmd.Changes() {
		j.Flags |= block.FUA
	}
	if err := c.export.door.Check(j.Request); err != nil {
		return err
	}
	if c.demand.Load() != demandServe {
		return block.ErrShutdown
	}
	return nil
}

// refuseRequest answers a request that is not served.
func (c *conn) refuseRequest(j *job, err error) error {
	c.counters.End(c.readerSlot(), &j.Request, err)
	c.reply(j, nil, err, false)
	return nil
}

// The places in the counters behind the workers': the reader's, and that of who writes beside it.
func (c *conn) readerSlot() int { return c.server.cfg.Workers }
func (c *conn) besideSlot() int { return c.server.cfg.Workers + 1 }

// dispatch has a request served: now, where nothing needs to wait for it, else by a worker.
func (c *conn) dispatch(j *job) error {
	if c.server.cfg.Coverage != nil {
		c.counters.Asked(&j.Request)
	}
	c.noteAlone()
	// Where there is one worker there is one request in hand.
	single := c.server.cfg.Workers == 1
	long := j.payload != block.Payload{}
	switch {
	case !c.server.cfg.Prompt, single && c.unfinished.Load() > 0:
		c.serveLater(j)
	case long && !single && c.readingOnPays():
		c.serveBeside(j)
	case c.serveNow(c.readerSlot(), j, block.NoWait):
		if long {
			c.slow.Store(false)
			c.doubtAlone()
		}
	case !c.serveAlone(j):
		c.serveLater(j)
	}
	return nil
}

// aloneEnough is how many requests in a row tell that a client asks for one thing at a time.
const aloneEnough = 32

// noteAlone notes whether the client has nothing else in hand.
func (c *conn) noteAlone() {
	if len(c.in.unread) > 0 || c.unfinished.Load() > 0 {
		c.alone = 0
	} else {
		c.alone = min(c.alone+1, aloneEnough)
	}
}

// seemsAlone reports whether the client asks for one thing at a time.
func (c *conn) seemsAlone() bool { return c.alone >= aloneEnough && c.in.raw != nil }

// doubtAlone is for when a request has been served and not answered: where something else came meanwhile, the client
// does not ask for one thing at a time.
func (c *conn) doubtAlone() {
	if c.seemsAlone() && c.in.waits() {
		c.alone = 0
	}
}

// serveAlone has the reader wait for the disk where the client asks for one thing at a time: to give the read to a
// worker would take a third longer.
func (c *conn) serveAlone(j *job) bool {
	if j.Cmd != block.Read || !c.seemsAlone() || !c.serveNow(c.readerSlot(), j, block.NoWait|block.DiskWait) {
		return false
	}
	c.doubtAlone()
	return true
}

// readingOnPays reports whether it is likely faster to read on while a long write is made: the client sends more
// meanwhile, and nobody else takes it; the write before did not have to wait; and a processor is free.
func (c *conn) readingOnPays() bool {
	return !c.seemsAlone() && !c.readsAhead() && !c.slow.Load() && spare()
}

// readsAhead reports whether the kernel takes the next requests while the reader makes a long write: a TCP socket has a
// buffer of some MiB for them, and a Unix socket only its client's, of 208 KiB. Under TLS the reader has more to do.
func (c *conn) readsAhead() bool { return c.tcp && c.secured == nil }

// besideMost is how many long writes wait for the one that is being made.
const besideMost = 4

// serveBeside has a long write made while the reader takes the next one from the socket, one after the other: two
// would wait for each other in the file system.
func (c *conn) serveBeside(j *job) {
	if c.beside == nil {
		c.beside = make(chan job, besideMost)
		c.writer.Go(c.writeBeside)
	}
	c.unfinished.Add(1)
	c.hand(c.beside, j)
}

// writeBeside makes the long writes until there will be no more. Those that have to wait are the workers', so that none
// waits for another.
func (c *conn) writeBeside() {
	for j := range c.beside {
		c.guard(func() {
			defer c.unfinished.Add(-1)
			if c.demand.Load() == demandStop || !c.serveNow(c.besideSlot(), &j, block.NoWait) {
				c.slow.Store(true)
				c.serveLater(&j)
			}
		})
	}
}

// endBeside waits until nobody writes beside the reader, or gives anything to workers.
func (c *conn) endBeside() {
	if c.beside != nil {
		close(c.beside)
		c.writer.Wait()
	}
}

// hand gives a job away. Where it is not taken at once nothing more is read.
func (c *conn) hand(to chan<- job, j *job) {
	select {
	case to <- *j:
	default:
		c.out.flush()
		to <- *j
	}
}

// serveNow serves a request at once, for the reader or who writes beside it, as how has it, which holds NoWait; it reports
// false, with nothing done, where that would take waiting.
func (c *conn) serveNow(slot int, j *job, how block.Flags) bool {
	r := j.Request
	r.Flags |= how
	a := block.GetAnswer(c.splice)
	c.counters.Begin(slot, &r, j.clock)
	err := c.export.door.Serve(c.ctx, r, a.Reply())
	if err != nil && errors.Is(err, block.ErrWait) {
		c.counters.Cancel(slot)
		a.Put()
		return false
	}
	c.counters.End(slot, &r, err)
	c.lament(j, err)
	reader := slot == c.readerSlot()
	if c.server.cfg.Coverage != nil {
		c.touch(j, a, err)
		if reader {
			c.prompt[j.Cmd]++
		} else {
			c.counters.Took(j.Cmd, 1, time.Duration(block.Clock()-j.clock))
		}
	}
	c.settle(j)
	c.reply(j, a, err, !reader)
	return true
}

// serveLater gives a request to a worker. Where all are busy and enough requests wait for them, nothing more is read.
func (c *conn) serveLater(j *job) {
	if len(j.Data) > 0 && j.payload == (block.Payload{}) {
		if !c.account.take(j.Length, c.out.flush) {
			c.refuseRequest(j, block.ErrShutdown)
			return
		}
		j.charged = j.Length
		j.payload = block.GetPayload(len(j.Data))
		copy(j.payload.Bytes(len(j.Data)), j.Data)
		j.Data = j.payload.Bytes(len(j.Data))
	}
	want := c.unfinished.Add(1)
	for n := c.started.Load(); n < want && int(n) < c.server.cfg.Workers; n = c.started.Load() {
		if c.started.CompareAndSwap(n, n+1) {
			c.workers.Go(func() { c.work(int(n)) })
			break
		}
	}
	c.hand(c.jobs, j)
}

// work is a worker: it serves requests until there will be no more. slot is its place in the counters.
func (c *conn) work(slot int) {
	ctx := c.counters.Context(c.ctx, slot)
	for j := range c.jobs {
		c.guard(func() { c.serveJob(ctx, slot, &j) })
	}
}

func (c *conn) serveJob(ctx context.Context, slot int, j *job) {
	defer c.unfinished.Add(-1)
	a := block.GetAnswer(c.splice)
	err := c.serveInTurn(ctx, slot, j, a)
	held := c.counters.Held(slot)
	c.counters.End(slot, &j.Request, err)
	c.lament(j, err)
	if c.server.cfg.Coverage != nil {
		c.touch(j, a, err)
		c.counters.Took(j.Cmd, 1, time.Duration(block.Clock()-j.clock)-held)
	}
	c.settle(j)
	c.reply(j, a, err, true)
}

func (c *conn) serveInTurn(ctx context.Context, slot int, j *job, a *block.Answer) error {
	if c.demand.Load() == demandStop || !c.takeTurn() {
		return block.ErrShutdown
	}
	defer c.giveTurn()
	c.counters.Begin(slot, &j.Request, j.clock)
	return c.export.door.Serve(ctx, j.Request, a.Reply())
}

// lamentPeriod is how often a client's failed requests are told of: a broken disk fails them all.
const lamentPeriod = int64(time.Second)

// lament tells of a request that failed, unless that was the client's own doing or the shutdown's.
func (c *conn) lament(j *job, err error) {
	if err == nil {
		return
	}
	var refused interface{ Reason() string }
	if n := errno(err, j); n == wire.ESHUTDOWN || n == wire.ENOTSUP || errors.As(err, &refused) {
		return
	}
	now, last := block.Clock(), c.lamented.Load()
	if last != 0 && now-last < lamentPeriod || !c.lamented.CompareAndSwap(last, now) {
		c.untold.Add(1)
		return
	}
	more := ""
	if n := c.untold.Swap(0); n > 0 {
		more = fmt.Sprintf(" (and %d before it)", n)
	}
	c.event(Failure, "%v of %d bytes at %d: %v%s", j.Cmd, j.Length, j.Offset, err, more)
}

// touch notes what a request has touched.
func (c *conn) touch(j *job, a *block.Answer, err error) {
	m := c.server.cfg.Coverage
	if m.Size() != c.export.info.Size {
		return
	}
	if err != nil {
		if errno(err, j) != wire.ESHUTDOWN {
			m.Mark(block.HasFailed, j.Offset, j.Length)
		}
		return
	}
	switch j.Cmd {
	case block.Read:
		m.Mark(block.WasRead, j.Offset, j.Length)
	case block.Write:
		m.Mark(block.WasWritten, j.Offset, j.Length)
	case block.Trim, block.WriteZeroes:
		m.Mark(block.WasZeroed, j.Offset, j.Length)
	case block.BlockStatus:
		at := j.Offset
		for _, e := range a.Extents() {
			if e.Flags&block.Hole != 0 {
				m.Mark(block.IsHole, at, e.Length)
			}
			at += e.Length
		}
	}
}

// notePrompt notes how long the requests took that the reader served since it woke up. They have been answered
// together.
func (c *conn) notePrompt() {
	var took time.Duration
	for cmd, n := range c.prompt {
		if n > 0 {
			if took == 0 {
				took = time.Duration(block.Clock() - c.clock)
			}
			c.counters.Took(block.Cmd(cmd), n, took)
			c.prompt[cmd] = 0
		}
	}
}

// settle gives back what a write needed. What a read needs is needed until its reply has been sent.
func (c *conn) settle(j *job) {
	if j.Cmd == block.Write {
		j.payload.Put()
		c.account.give(j.charged)
		j.charged = 0
	}
}
