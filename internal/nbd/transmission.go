package nbd

import (
	"errors"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/wire"
)

// errDisc is the client's NBD_CMD_DISC.
var errDisc = errors.New("the client has disconnected")

// transmission serves requests until the client leaves or has to, and until what was admitted has been answered. It
// returns nil where the client took its leave.
func (c *conn) transmission() error {
	c.begin()
	defer c.workers.Wait() // they serve and answer what waits in jobs, then find it closed
	defer close(c.jobs)
	defer c.endBeside()
	err := c.requests()
	c.leaving()
	c.out.flush()
	if broken := violation(""); errors.As(err, &broken) {
		c.cancel() // what is held need not be answered
	}
	if err == errDisc {
		return nil
	}
	return err
}

// begin makes the connection a client.
func (c *conn) begin() {
	c.setReadDeadline(time.Time{})
	c.SetWriteDeadline(time.Time{})
	c.jobs = make(chan job, c.server.cfg.Workers)
	close(c.export.entered)
	c.contexts.allocation = c.chosen()
	c.mu.Lock()
	c.state = Active
	if c.demand.Load() != demandServe {
		c.state = Leaving
	}
	switch {
	case c.extended:
		c.options = append(c.options, "extended")
	case c.structured:
		c.options = append(c.options, "structured")
	}
	if c.contexts.allocation {
		c.options = append(c.options, wire.BaseAllocation)
	}
	c.mu.Unlock()
	c.server.mu.Lock()
	c.server.seen++
	c.server.mu.Unlock()
	c.event(Info, "%s", c.opened())
}

// requests reads and starts requests until there are no more, or until the stream means nothing any more.
func (c *conn) requests() error {
	size, decode := wire.RequestSize, wire.DecodeRequest
	if c.extended {
		size, decode = wire.ExtendedRequestSize, wire.DecodeExtendedRequest
	}
	for {
		if len(c.in.unread) < size {
			// Nothing more waits to be answered: what was collected goes before the reader may sleep.
			c.mayWait()
			c.notePrompt()
			if err := c.in.fill(size); err != nil {
				return err
			}
			c.clock = block.Clock()
			c.in.asked.note(c.clock)
		}
		h, ok := decode(c.in.next(size))
		if !ok {
			return violation("wrong magic number before a request")
		}
		if err := c.command(h); err != nil {
			return err
		}
	}
}

// mayWait sends what was collected before the reader may sleep. Under TLS only the records know when it does.
func (c *conn) mayWait() {
	if c.secured == nil {
		c.out.flush()
	}
}

// mayWaitFor is mayWait where the next n bytes may be long in coming.
func (c *conn) mayWaitFor(n uint64) {
	if uint64(len(c.in.unread)) < n {
		c.mayWait()
	}
}

// command handles one request. An error ends the reading; a refused request is none.
func (c *conn) command(h wire.Request) error {
	if c.extended && h.Type != wire.CmdDisc {
		if answered, err := c.payload(&h); answered || err != nil {
			return err
		}
	}
	switch h.Type {
	case wire.CmdRead:
		return c.cmdRead(h)
	case wire.CmdWrite:
		return c.cmdWrite(h)
	case wire.CmdDisc:
		return errDisc // whatever its flags and offset say
	case wire.CmdFlush:
		return c.cmdFlush(h)
	case wire.CmdTrim:
		return c.cmdTrim(h)
	case wire.CmdCache:
		return c.cmdCache(h)
	case wire.CmdWriteZeroes:
		return c.cmdWriteZeroes(h)
	case wire.CmdBlockStatus:
		return c.cmdBlockStatus(h)
	}
	// Only a write carries data, so there is nothing to skip.
	c.reply(&job{tag: c.tag(h)}, nil, errCommand, false)
	return nil
}
