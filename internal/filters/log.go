package filters

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Filter,
		Name:    "log",
		Summary: "write every request to a file, or give it to a script",
		Help: `Writes a line to logfile= when a request comes to this filter and one when it is answered, with the time in UTC,
the client's number and the request's. The file is made anew unless logappend=true. logscript= is run by /bin/sh for
each line, with the same in variables: act, type (ENTER, LEAVE or PRINT), connection, id, offset, count, return, error
and so on. A request waits for its script.

    2026-08-06 02:07:23.080907 connection=1 Read id=1 offset=0x0 count=0x200 ...
    2026-08-06 02:07:23.080927 connection=1 ...Read id=1 return=0

It does not log data; what filters in front of it answer themselves it never sees. Where the server emulates (zeroes by
writes) it logs what reaches it. What a script prints is printed, or told by the dashboard; its exit status is ignored. A
file that cannot be written any more is told once and fails no request.`,
		New: func() block.Builder { return &logBuilder{} },
	})
}

type logBuilder struct {
	file, script string
	append       bool
}

func (b *logBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "logfile", Kind: "PATH", Help: "the file to write to", Set: setPath(&b.file)},
		{Name: "logappend", Kind: "BOOL", Default: "false", Help: "add to the file that is there", Set: param.Bool(&b.append)},
		{Name: "logscript", Kind: "SCRIPT", Help: "what to run for each line", Set: param.Text(&b.script)},
	}}
}

func (b *logBuilder) Build(h block.Host) (block.Layer, error) {
	l := &logLayer{script: script(b.script), host: h}
	if b.file != "" {
		how := os.O_TRUNC
		if b.append {
			how = os.O_APPEND
		}
		f, err := os.OpenFile(b.file, os.O_WRONLY|os.O_CREATE|how, 0o666)
		if err != nil {
			return nil, err
		}
		l.file = f
	}
	return l, nil
}

type logLayer struct {
	script  script
	host    block.Host
	clients atomic.Uint64
	admits  atomic.Uint64
	lists   atomic.Uint64

	mu    sync.Mutex
	file  *os.File // nil for none
	wrong bool     // the file failed, which was told
}

// Start logs that the server is ready.
func (l *logLayer) Start() error {
	l.say(context.Background(), entry{kind: "PRINT", act: "Ready", fields: []field{number("thread_model", uint64(block.SerializeConnections-l.host.Threads()))}})
	return nil
}

// Admit logs who comes, and keeps nobody out.
func (l *logLayer) Admit(ctx context.Context, _ block.Peer) error {
	id := l.admits.Add(1)
	l.say(ctx, entry{kind: "ENTER", act: "Preconnect", id: id, fields: []field{bit("readonly", l.host.ReadOnly)}})
	l.say(ctx, entry{kind: "LEAVE", act: "Preconnect", id: id, fields: appendResult(nil, nil)})
	return nil
}

// List logs who asks which exports there are, and what the answer was.
func (l *logLayer) List(ctx context.Context, q block.ListRequest, below block.Listing) ([]block.Export, error) {
	if q.Peer.Addr == nil { // the session's own look
		return below(ctx, q)
	}
	e := entry{kind: "ENTER", act: "ListExports", id: l.lists.Add(1),
		fields: []field{bit("readonly", q.ReadOnly), bit("tls", q.TLS != nil)}}
	l.say(ctx, e)
	exports, err := below(ctx, q)
	e.kind, e.fields = "LEAVE", nil
	if err == nil {
		var names []string
		for _, x := range exports {
			names = append(names, quoted(x.Name))
		}
		e.fields = []field{list("exports", strings.Join(names, " "))}
	}
	e.fields = appendResult(e.fields, err)
	l.say(ctx, e)
	return exports, err
}

func (l *logLayer) Open(ctx context.Context, o block.OpenRequest, below block.Opener) (block.Handler, error) {
	next, err := below(ctx, o)
	if err != nil {
		return nil, err
	}
	if l.file == nil && l.script == "" {
		return next, nil
	}
	h := &logged{logLayer: l, next: next, number: l.clients.Add(1)}
	l.say(ctx, entry{kind: "PRINT", client: h.number, act: "Connect", fields: connectFields(o, next.Info())})
	return h, nil
}

func (l *logLayer) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// say writes an entry and runs the script.
func (l *logLayer) say(ctx context.Context, e entry) {
	if l.file != nil {
		line := logLines.Get().(*[]byte)
		*line = e.appendLine((*line)[:0], time.Now())
		l.write(*line)
		logLines.Put(line)
	}
	if l.script == "" {
		return
	}
	_, output, err := l.script.run(ctx, &l.host, e.variables())
	switch {
	case err == block.ErrShutdown: // what asked is gone
	case err != nil:
		l.host.Event("log: run the script: %v", err)
	case output != "":
		l.host.Note("log: %s", output)
	}
}

// logLines is memory for them.
var logLines = sync.Pool{New: func() any { return new([]byte) }}

func (l *logLayer) write(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(line); err != nil && !l.wrong {
		l.wrong = true
		l.host.Event("log: %v", err)
	}
}

// logged is one client's view.
type logged struct {
	*logLayer
	next   *block.Door
	number uint64
	ids    atomic.Uint64
}

func (h *logged) Info() block.Info { return h.next.Info() }

func (h *logged) Serve(ctx context.Context, r block.Request, w *block.Reply) error {
	if r.Flags&block.NoWait != 0 {
		return block.ErrWait
	}
	var room [5]field
	e := entry{kind: "ENTER", client: h.number, act: actions[r.Cmd], id: h.ids.Add(1), fields: appendRequest(room[:0], r)}
	h.say(ctx, e)
	e.kind, e.fields = "LEAVE", room[:0]
	var err error
	switch {
	case h.script != "" && ctx.Err() != nil: // the script was ended, and so is what waited for it
		err = block.ErrShutdown
	case r.Cmd == block.BlockStatus:
		var extents string
		if extents, err = h.status(ctx, r, w); err == nil {
			e.fields = append(e.fields, list("extents", extents))
		}
	default:
		err = h.next.Serve(ctx, r, w)
	}
	e.fields = appendResult(e.fields, err)
	h.say(ctx, e)
	return err
}

// status answers with what is below, and says what that was.
func (h *logged) status(ctx context.Context, r block.Request, w *block.Reply) (text string, err error) {
	a := block.GetAnswer(false)
	defer a.Put()
	if err := h.next.Serve(ctx, r, a.Reply()); err != nil {
		return "", err
	}
	var b []byte
	at := r.Offset
	for _, e := range a.Extents() {
		w.Extent(e.Length, e.Flags)
		b = strconv.AppendUint(append(b, " 0x"...), at, 16)
		b = strconv.AppendUint(append(b, " 0x"...), e.Length, 16)
		b = append(append(b, ' '), extentNames[e.Flags]...)
		at += e.Length
	}
	return strings.TrimPrefix(string(b), " "), nil
}

func (h *logged) Close(ctx context.Context) error {
	h.say(ctx, entry{kind: "PRINT", client: h.number, act: "Disconnect", fields: []field{number("transactions", h.ids.Load())}})
	return h.next.Close(ctx)
}
