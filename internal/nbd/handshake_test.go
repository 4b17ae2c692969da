package nbd_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd"
)

func TestBrokenHandshakesAreClosed(t *testing.T) {
	h := newHouse(t)
	opt := func(number, length uint32) []byte {
		return bytes.Join([][]byte{[]byte("IHAVEOPT"), u32(number), u32(length)}, nil)
	}
	for name, said := range map[string][]byte{
		"HTTP":                       []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"unknown client flag":        u32(3 | 4),
		"no fixed newstyle, then GO": append(u32(0), optionBytes(7, text(""), u16(0))...),
		"wrong option magic":         append(u32(3), "IHAVEOPX\x00\x00\x00\x03\x00\x00\x00\x00"...),
		"option of 4 GiB":            append(u32(3), opt(7, 0xffffffff)...),
		"unknown option of 4 GiB":    append(u32(3), opt(0x7654321, 0xffffffff)...),
		"EXPORT_NAME with NUL":       append(u32(3), optionBytes(1, []byte("di\x00sk"))...),
		"EXPORT_NAME not UTF-8":      append(u32(3), optionBytes(1, []byte("\xff\xfe"))...),
		"EXPORT_NAME unknown":        append(u32(3), optionBytes(1, []byte("nothing"))...),
		"EXPORT_NAME too long":       append(u32(3), optionBytes(1, make([]byte, 4097))...),
	} {
		t.Run(name, func(t *testing.T) {
			c := h.dial("unix")
			c.t = t
			c.send(said)
			c.closed()
		})
	}
	h.served()
	h.eventually("somebody is told about HTTP", func() bool { return h.told("unknown client flags 0x47455420") == 1 })
}

func TestOptionsAreAnsweredAndTheStreamStaysInStep(t *testing.T) {
	h := newHouse(t)
	long := strings.Repeat("x", 4096)
	for name, o := range map[string]struct {
		number uint32
		data   []byte
		want   uint32
	}{
		"unknown option":                  {0x7654321, []byte("data"), unsup},
		"unknown option, 2 MiB":           {0x7654321, make([]byte, 2<<20), unsup},
		"withdrawn option":                {4, nil, unsup},
		"extended headers":                {11, nil, ack},
		"LIST with data":                  {3, []byte("x"), invalid},
		"STRUCTURED_REPLY with data":      {8, []byte("x"), invalid},
		"STRUCTURED_REPLY":                {8, nil, ack},
		"STARTTLS with data":              {5, []byte("x"), invalid},
		"GO, no data":                     {7, nil, invalid},
		"GO, 5 bytes":                     {7, make([]byte, 5), invalid},
		"GO, name of 4 GiB":               {7, append(u32(0xffffffff), 0, 0), invalid},
		"GO, name longer than the data":   {7, append(u32(1), 0, 0), invalid},
		"GO, name over the info requests": {7, append(u32(3), "abc\x00"...), invalid},
		"GO, too many info requests":      {7, append(text(""), 0, 9, 0, 1), invalid},
		"GO, trailing bytes":              {7, append(text(""), 0, 0, 9), invalid},
		"GO, 2 MiB":                       {7, make([]byte, 2<<20), invalid},
		"GO, NUL":                         {7, append(text("a\x00"), 0, 0), invalid},
		"GO, not UTF-8":                   {7, append(text("\xff"), 0, 0), invalid},
		"GO, long unknown name":           {7, append(text(long), 0, 0), unknown},
		"GO, name of 4097":                {7, append(text(long+"x"), 0, 0), invalid},
		"GO, unknown":                     {7, append(text("nothing"), 0, 0), unknown},
		"INFO, unknown":                   {6, append(text("nothing"), 0, 0), unknown},
		"SET_META before STRUCTURED":      {10, append(text(""), u32(0)...), invalid},
		"LIST_META before STRUCTURED":     {9, append(text(""), u32(0)...), invalid},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.haggler("unix")
			c.t = t
			c.option(o.number, o.data)
			number, kind, data := c.reply()
			if kind != o.want || number != o.number {
				t.Errorf("answered %#x (%q) to option %d, want %#x", kind, data, number, o.want)
			}
			if kind != ack && (len(data) == 0 || len(data) > 400) {
				t.Errorf("the text has %d bytes", len(data))
			}
			c.usable()
			c.option(2, []byte("extra"))
			c.wants(ack)
			c.closed()
		})
	}
	if n := h.server.Clients().Seen; n != 0 {
		t.Errorf("%d clients were seen and none came so far", n)
	}
}

func TestInfoTellsWhatWasAsked(t *testing.T) {
	h := newHouse(t)
	c := h.haggler("unix")
	// Every kind twice, and two that nobody knows.
	c.option(6, text("disk"), u16(10), u16(0), u16(1), u16(2), u16(3), u16(3), u16(2), u16(1), u16(0), u16(99), u16(0xffff))
	got := map[uint16]string{}
	for range 4 {
		b := c.wants(repInfo)
		got[be.Uint16(b)] = string(b[2:])
	}
	c.wants(ack)
	want := map[uint16]string{
		0: string(u64(8<<20)) + "\x0d\x6d", // all but READ_ONLY, ROTATIONAL, SEND_DF
		1: "disk",
		2: "a disk in memory",
		3: string(u32(1)) + string(u32(4096)) + string(u32(64<<20)),
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("info %d is %q, want %q", k, got[k], v)
		}
	}
	// GO after INFO, for the same export: the same door.
	c.goes("disk")
	if h.opened != 1 {
		t.Errorf("%d doors were opened", h.opened)
	}
	c.alive(false)
}

// The empty name may stand for another export, which is told and opened by its own name; what the client has chosen for
// the empty one holds.
func TestTheDefaultExportHasAName(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) {
		c.Default = func(context.Context, block.ListRequest) (string, error) { return "disk", nil }
	})
	c := h.haggler("unix")
	c.option(8)
	c.wants(ack)
	c.option(10, text(""), u32(1), text("base:allocation"))
	c.wants(repContext)
	c.wants(ack)
	c.option(6, text(""), u16(1), u16(1))
	for {
		_, kind, b := c.reply()
		if kind == ack {
			t.Error("its name was not told")
			break
		}
		if be.Uint16(b) == 1 {
			if string(b[2:]) != "disk" {
				t.Errorf("its name is %q", b[2:])
			}
			for kind != ack {
				_, kind, _ = c.reply()
			}
			break
		}
	}
	c.goes("")
	if e := c.errno(true, ask{cmd: 7, n: 4096}); e != 0 {
		t.Errorf("block status: error %d", e)
	}
	if p := h.server.Clients().Present; h.opened != 1 || len(p) != 1 || p[0].Export != "disk" {
		t.Errorf("%d doors were opened, %+v", h.opened, p)
	}
}

func TestInfoAloneIsNoClient(t *testing.T) {
	h := newHouse(t)
	c := h.haggler("tcp")
	c.option(6, text("disk"), u16(0))
	c.wants(repInfo)
	c.wants(repInfo)
	c.wants(ack)
	n := h.server.Clients()
	if len(n.Present) != 1 || n.Present[0].State != nbd.Handshake || n.Seen != 0 {
		t.Errorf("clients are %+v", n)
	}
	c.option(6, text(""), u16(0)) // another export: the first door is closed
	c.wants(repInfo)
	c.wants(repInfo)
	c.wants(ack)
	c.Close()
	h.eventually("the doors are closed", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.closed == 2 })
	h.eventually("the connection is forgotten", func() bool { return len(h.server.Clients().Present) == 0 })
	if n := h.server.Clients(); n.Seen != 0 {
		t.Errorf("%d were seen", n.Seen)
	}
}

func TestExportNameWithAndWithoutZeroes(t *testing.T) {
	h := newHouse(t)
	for flags, length := range map[uint32]int{0: 134, 1: 134, 2: 10, 3: 10} {
		c := h.dial("unix")
		c.send(u32(flags))
		c.option(1, []byte("disk"))
		b := c.read(length)
		if be.Uint64(b) != 8<<20 || !bytes.Equal(b[10:], make([]byte, length-10)) {
			t.Errorf("flags %d: answered %x", flags, b)
		}
		c.alive(false)
	}
}

func TestOldstyle(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) { c.Oldstyle = true })
	n, err := net.Dial("unix", h.unix)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	c := &raw{t: t, Conn: n}
	b := c.read(152)
	if want := join([]byte("NBDMAGIC"), u64(0x420281861253), u64(8<<20), u32(0x0d6d), make([]byte, 124)); !bytes.Equal(b, want) {
		t.Fatalf("greeted with %x", b)
	}
	c.alive(false)
	c.request(0, ask{cmd: 2})
	c.closed()
	h = newHouse(t, func(_ *house, c *nbd.Config) {
		c.Oldstyle = true
		c.Open = func(context.Context, block.OpenRequest) (*block.Door, error) { return nil, syscall.EIO }
	})
	if n, err = net.Dial("unix", h.unix); err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	(&raw{t: t, Conn: n}).closed()
}

func TestMetaContexts(t *testing.T) {
	h := newHouse(t)
	many := append(text(""), u32(200_000)...)
	for range 200_000 {
		many = append(many, text("base:")...)
	}
	for name, o := range map[string]struct {
		number uint32
		data   []byte
		want   string // the kinds of the replies
	}{
		"list all":                {9, join(text(""), u32(0)), "context ack"},
		"list a namespace":        {9, join(text(""), u32(1), text("base:")), "context ack"},
		"list a foreign one":      {9, join(text(""), u32(1), text("qemu:")), "ack"},
		"set":                     {10, join(text(""), u32(1), text("base:allocation")), "context ack"},
		"set twice":               {10, join(text(""), u32(2), text("base:allocation"), text("base:allocation")), "context ack"},
		"set nothing":             {10, join(text(""), u32(0)), "ack"},
		"set a bare namespace":    {10, join(text(""), u32(1), text("base:")), "ack"},
		"unknown queries":         {10, join(text(""), u32(4), text("nocolon"), text("foo:bar"), text("base:zzz"), text("")), "ack"},
		"among unknown queries":   {10, join(text(""), u32(3), text("foo:bar"), text("base:allocation"), text("x")), "context ack"},
		"more queries than data":  {10, join(text(""), u32(2), text("base:allocation")), "invalid"},
		"4 billion queries":       {10, join(text(""), u32(0xffffffff)), "invalid"},
		"a query over the end":    {10, join(text(""), u32(1), u32(0xffffffff), []byte("base:")), "invalid"},
		"a query of 4097":         {10, join(text(""), u32(1), text(strings.Repeat("x", 4097))), "invalid"},
		"trailing bytes":          {10, join(text(""), u32(0), []byte("x")), "invalid"},
		"an export over the end":  {10, join(u32(0xffffffff), u32(0)), "invalid"},
		"nothing":                 {10, nil, "invalid"},
		"NUL in the export":       {10, join(text("\x00"), u32(0)), "invalid"},
		"200,000 queries":         {10, many, "toobig"},
		"list of 200,000 queries": {9, many, "toobig"},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.haggler("unix")
			c.t = t
			c.option(8)
			c.wants(ack)
			c.option(o.number, o.data)
			var got []string
			for len(got) == 0 || got[len(got)-1] == "context" {
				_, kind, data := c.reply()
				got = append(got, map[uint32]string{ack: "ack", repContext: "context", invalid: "invalid", tooBig: "toobig"}[kind])
				if id := uint32(o.number - 9); kind == repContext && string(data) != string(u32(id))+"base:allocation" {
					t.Errorf("context %q", data)
				}
			}
			if s := strings.Join(got, " "); s != o.want {
				t.Errorf("answered %s, want %s", s, o.want)
			}
			c.usable()
			// What was set, and only that, can be asked for.
			c.goes("")
			want := uint32(22)
			if o.number == 10 && o.want == "context ack" {
				want = 0
			}
			if e := c.errno(true, ask{cmd: 7, n: 4096}); e != want {
				t.Errorf("block status got error %d, want %d", e, want)
			}
		})
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestMetaContextsOfAnotherExportAreDropped(t *testing.T) {
	h := newHouse(t)
	for name, then := range map[string][]byte{
		"GO on another":          nil,
		"a later set of none":    optionBytes(10, text("disk"), u32(0)),
		"a later set that fails": optionBytes(10, text("disk"), u32(1)),
	} {
		t.Run(name, func(t *testing.T) {
			c := h.haggler("unix")
			c.t = t
			c.option(8)
			c.wants(ack)
			c.option(10, text("disk"), u32(1), text("base:allocation"))
			c.wants(repContext)
			c.wants(ack)
			export := ""
			if then != nil {
				export = "disk"
				c.send(then)
				c.reply()
			}
			c.goes(export)
			if e := c.errno(true, ask{cmd: 7, n: 4096}); e != 22 {
				t.Errorf("block status got error %d", e)
			}
		})
	}
}

func TestPipelinedOptionsAreAnsweredInOrder(t *testing.T) {
	h := newHouse(t)
	c := h.haggler("unix")
	c.send(optionBytes(3), optionBytes(8), optionBytes(99), optionBytes(7, text("nothing"), u16(0)),
		optionBytes(7, text("disk"), u16(0)), ask{cmd: 0, off: 5, n: 3}.bytes(1))
	for _, want := range []uint32{3, 3, 3, 8, 99, 7, 7, 7, 7} {
		if number, _, _ := c.reply(); number != want {
			t.Fatalf("option %d was answered, want %d", number, want)
		}
	}
	if k := c.chunk(); k.kind != hole || !k.done {
		t.Errorf("chunk %+v", k)
	}
}

func TestHagglingForeverIsClosed(t *testing.T) {
	h := newHouse(t)
	c := h.haggler("unix")
	for range 256 {
		c.option(8)
		c.wants(ack)
	}
	c.closed()
	h.eventually("an event", func() bool { return h.told("more than 256 options") == 1 })
}

func TestHandshakeDeadlineIsAbsolute(t *testing.T) {
	const limit = 200 * time.Millisecond
	h := newHouse(t, func(_ *house, c *nbd.Config) { c.HandshakeTimeout = limit })
	for name, said := range map[string][]byte{
		"silence":                nil,
		"option that never ends": append(u32(3), "IHAVEOPT\x00\x00\x00\x07\x00\x00\x01\x00abc"...),
		"a byte now and then":    append(u32(3), bytes.Repeat(optionBytes(3), 10)...),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			c := h.dial("unix")
			done := make(chan struct{})
			go func() {
				defer close(done)
				tick := time.NewTicker(limit / 10)
				defer tick.Stop()
				if name != "a byte now and then" {
					c.Write(said)
					return
				}
				for _, b := range said {
					<-tick.C
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
				}
			}()
			for b := make([]byte, 512); ; {
				if _, err := c.Read(b); err != nil {
					break
				}
			}
			if took := time.Since(began); took < limit || took > 10*limit {
				t.Errorf("closed after %v", took)
			}
			c.Close()
			<-done
		})
	}
	c := h.client("unix", false) // the deadline is the handshake's only
	timer := time.NewTimer(2 * limit)
	<-timer.C
	c.alive(false)
}

func TestResetBeforeTheGreetingIsNothing(t *testing.T) {
	h := newHouse(t)
	for range 20 {
		n, err := net.Dial("tcp", h.tcp)
		if err != nil {
			t.Fatal(err)
		}
		n.(*net.TCPConn).SetLinger(0)
		n.Close()
	}
	h.served()
	h.eventually("all are forgotten", func() bool { return len(h.server.Clients().Present) == 0 })
	if h.told("broke") > 0 {
		t.Error("somebody was told about it")
	}
}

func TestTooManyConnectionsAreClosed(t *testing.T) {
	h := newHouse(t, func(_ *house, c *nbd.Config) { c.MaxConnections = 2 })
	one, two := h.client("unix", false), h.client("tcp", false)
	for range 50 {
		n, err := net.Dial("unix", h.unix)
		if err != nil {
			t.Fatal(err)
		}
		(&raw{t: t, Conn: n}).closed()
		n.Close()
	}
	one.alive(false)
	two.alive(false)
	two.Close()
	h.eventually("there is room again", func() bool { return len(h.server.Clients().Present) == 1 })
	h.served()
	if n := h.told("no more are taken"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// poor is a listener that runs out of descriptors.
type poor struct {
	net.Listener
	left int
}

func (p *poor) Accept() (net.Conn, error) {
	if p.left > 0 {
		p.left--
		return nil, fmt.Errorf("accept: %w", syscall.EMFILE)
	}
	return p.Listener.Accept()
}

func TestWantOfDescriptorsIsWaitedOut(t *testing.T) {
	h := newHouse(t)
	l, err := net.Listen("unix", h.unix+"2")
	if err != nil {
		t.Fatal(err)
	}
	h.unix += "2"
	done := make(chan error)
	go func() { done <- h.server.Serve(&poor{l, 3}) }()
	h.served()
	h.server.StopAccepting()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := h.told("trying again"); n != 1 {
		t.Errorf("told %d times", n)
	}
}
