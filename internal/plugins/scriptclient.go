package plugins

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/program"
)

// scriptClient is one client's view of a script.
type scriptClient struct {
	*script
	handle string // what open printed, which every method is given
	client *block.OpenRequest
	info   block.Info
}

// Open runs the open method, and asks for all that a client is told.
func (s *script) Open(ctx context.Context, o block.OpenRequest, _ block.Opener) (block.Handler, error) {
	o.ReadOnly = o.ReadOnly || s.host.ReadOnly
	handle, _, err := s.text(ctx, &o, "open", strconv.FormatBool(o.ReadOnly), o.Name, strconv.FormatBool(o.TLS != nil))
	if err != nil {
		return nil, err
	}
	c := &scriptClient{script: s, handle: strings.TrimSuffix(handle, "\n"), client: &o}
	if strings.ContainsRune(handle, 0) {
		return nil, garbled("open", "it printed a NUL, which no argument of a program can hold")
	}
	if err = c.look(ctx); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		c.Close(ctx) // what went wrong first is what matters
		return nil, err
	}
	return c, nil
}

// look asks what the export is, in nbdkit's order.
func (c *scriptClient) look(ctx context.Context) (err error) {
	i := &c.info
	if i.Size, err = c.size(ctx); err != nil {
		return err
	}
	q := questions{c: c, ctx: ctx}
	i.ReadOnly = c.client.ReadOnly || !q.is("can_write")
	if !i.ReadOnly {
		i.Zero = block.Emulate
		if q.is("can_zero") {
			i.Zero = block.Native
		}
		i.FastZero = q.isOr("can_fast_zero", i.Zero == block.Emulate)
		i.Trim = q.is("can_trim")
		fua, there := q.ability("can_fua")
		i.Flush = q.is("can_flush")
		if i.FUA = fua; !there && i.Flush {
			i.FUA = block.Emulate
		}
	} else {
		i.Flush = q.is("can_flush")
	}
	i.Rotational = q.is("is_rotational")
	i.MultiConn = q.is("can_multi_conn")
	i.Cache, _ = q.ability("can_cache")
	i.Extents = q.is("can_extents")
	if text := q.text("block_size"); q.err == nil && text != "" {
		q.err = parseBlockSizes(text, i)
	}
	i.Description = strings.TrimSuffix(q.text("export_description"), "\n")
	return q.err
}

func (c *scriptClient) size(ctx context.Context) (uint64, error) {
	text, there, err := c.script.text(ctx, c.client, "get_size", c.handle)
	if err == nil && !there {
		err = unexpected("get_size", errMissing)
	}
	if err != nil {
		return 0, err
	}
	n, err := param.ParseSize(strings.TrimSuffix(text, "\n"))
	if err != nil {
		return 0, garbled("get_size", "it printed %.80q: %v", text, err)
	}
	return n, nil
}

// questions asks one method after another, until one fails.
type questions struct {
	c   *scriptClient
	ctx context.Context
	err error
}

func (q *questions) is(method string) bool { return q.isOr(method, false) }

// isOr is otherwise where there is no such method.
func (q *questions) isOr(method string, otherwise bool) bool {
	if q.err != nil {
		return false
	}
	yes, there, err := q.c.is(q.ctx, q.c.client, method, q.c.handle)
	q.err = err
	if !there {
		return otherwise
	}
	return yes
}

func (q *questions) ability(method string) (a block.Ability, there bool) {
	if q.err != nil {
		return 0, false
	}
	text, there, err := q.c.script.text(q.ctx, q.c.client, method, q.c.handle)
	if err == nil && there {
		a, err = parseAbility(method, text)
	}
	q.err = err
	return a, there
}

func (q *questions) text(method string) (text string) {
	if q.err == nil {
		text, _, q.err = q.c.script.text(q.ctx, q.c.client, method, q.c.handle)
	}
	return text
}

func (c *scriptClient) Info() block.Info { return c.info }

func (c *scriptClient) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if r.Flags&block.NoWait != 0 {
		return block.ErrWait
	}
	if err := c.serve(ctx, r, w); err != nil {
		return err
	}
	if r.Flags&block.FUA != 0 && r.Cmd.Changes() && c.info.FUA == block.Emulate {
		return c.do(ctx, c.client, "flush", c.handle)
	}
	return nil
}

func (c *scriptClient) serve(ctx context.Context, r block.Request, w *block.Reply) error {
	args := []string{c.handle, strconv.FormatUint(r.Length, 10), strconv.FormatUint(r.Offset, 10)}
	switch r.Cmd {
	case block.Read:
		return c.read(ctx, args, w.Bytes(r.Length))
	case block.Write:
		err := c.call(ctx, call{method: "pwrite", args: append(args, c.flags(r)), stdin: r.Data, client: c.client})
		return unexpected("pwrite", err)
	case block.Flush:
		return c.do(ctx, c.client, "flush", c.handle)
	case block.Trim:
		return c.do(ctx, c.client, "trim", append(args, c.flags(r))...)
	case block.WriteZeroes:
		err := c.call(ctx, call{method: "zero", args: append(args, c.flags(r)), client: c.client})
		if err == errMissing {
			return syscall.ENOTSUP // writing is as good
		}
		return unexpected("zero", err)
	case block.BlockStatus:
		return c.extents(ctx, args, r, w)
	}
	return c.do(ctx, c.client, "cache", args...)
}

// flags are those that the script is to heed, in its words.
func (c *scriptClient) flags(r block.Request) string {
	var words []string
	if r.Flags&block.FUA != 0 && c.info.FUA == block.Native {
		words = append(words, "fua")
	}
	if r.Flags&block.MayTrim != 0 {
		words = append(words, "may_trim")
	}
	if r.Flags&block.FastZero != 0 {
		words = append(words, "fast")
	}
	return strings.Join(words, ",")
}

func (c *scriptClient) read(ctx context.Context, args []string, b []byte) error {
	out := program.Exactly{Into: b}
	err := c.call(ctx, call{method: "pread", args: args, stdout: &out, client: c.client})
	switch {
	case out.N > len(b):
		return &scriptError{"pread", syscall.EIO, fmt.Sprintf("it printed more than the %d bytes that were asked for", len(b))}
	case err != nil:
		return unexpected("pread", err)
	case out.N < len(b):
		return &scriptError{"pread", syscall.EIO, fmt.Sprintf("it printed %d of the %d bytes that were asked for", out.N, len(b))}
	}
	return nil
}

func (c *scriptClient) extents(ctx context.Context, args []string, r block.Request, w *block.Reply) error {
	one := ""
	if r.Flags&block.ReqOne != 0 {
		one = "req_one"
	}
	text, there, err := c.script.text(ctx, c.client, "extents", append(args, one)...)
	switch {
	case err != nil:
		return err
	case !there:
		return unexpected("extents", errMissing)
	}
	return parseExtents(text, r.Offset, r.Length, w)
}

// Close runs the close method, unless there is no time any more.
func (c *scriptClient) Close(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return c.do(ctx, c.client, "close", c.handle)
}
