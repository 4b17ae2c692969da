package nbd_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// raw is a client that says whatever a test wants it to. It has the protocol's numbers from the document, not from
// package wire.
type raw struct {
	t testing.TB
	net.Conn
	extended bool // headers
}

var be = binary.BigEndian

const (
	ack        = 1
	repServer  = 2
	repInfo    = 3
	repContext = 4
	unsup      = 1<<31 + 1
	policy     = 1<<31 + 2
	invalid    = 1<<31 + 3
	tlsReqd    = 1<<31 + 5
	unknown    = 1<<31 + 6
	tooBig     = 1<<31 + 9
	extReqd    = 1<<31 + 10

	none, data, hole, status, statusLong, fail = 0, 1, 2, 5, 6, 1<<15 + 1
)

// connect only connects.
func (h *house) connect(network string) *raw {
	h.t.Helper()
	addr := h.unix
	if network != "unix" {
		network, addr = "tcp", h.tcp
	}
	conn, err := net.Dial(network, addr)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, long := h.t.(*testing.B); !long { // a benchmark goes on for as long as it is told to
		conn.SetDeadline(time.Now().Add(deadline))
	}
	h.t.Cleanup(func() { conn.Close() })
	return &raw{t: h.t, Conn: conn}
}

// dial also reads the greeting.
func (h *house) dial(network string) *raw {
	h.t.Helper()
	c := h.connect(network)
	c.hears([]byte("NBDMAGICIHAVEOPT"), u16(h.flags))
	return c
}

// haggler has agreed on fixed newstyle and NO_ZEROES. The network "tls" is TLS over TCP.
func (h *house) haggler(network string) *raw {
	h.t.Helper()
	c := h.dial(network)
	c.send(u32(uint32(h.flags)))
	if network == "tls" {
		c.startTLS()
	}
	return c
}

// startTLS goes on inside TLS.
func (c *raw) startTLS() {
	c.t.Helper()
	c.option(5)
	c.wants(ack)
	s := wrap(c.t, false)(c.Conn)
	if err := s.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.Conn = s
}

// client is in transmission, with simple replies or with structured ones and base:allocation.
func (h *house) client(network string, structured bool) *raw {
	h.t.Helper()
	if h.oldstyle {
		c := h.connect(network)
		c.read(152)
		return c
	}
	c := h.haggler(network)
	if structured {
		c.option(8, nil)
		c.wants(ack)
		c.chooses()
	}
	c.goes("")
	return c
}

// extended is in transmission, with extended headers and base:allocation.
func (h *house) extended(network string) *raw {
	h.t.Helper()
	c := h.haggler(network)
	c.option(11)
	c.wants(ack)
	c.chooses()
	c.goes("")
	c.extended = true
	return c
}

func u16(n uint16) []byte  { return be.AppendUint16(nil, n) }
func u32(n uint32) []byte  { return be.AppendUint32(nil, n) }
func u64(n uint64) []byte  { return be.AppendUint64(nil, n) }
func text(s string) []byte { return append(u32(uint32(len(s))), s...) }

func (c *raw) send(parts ...[]byte) {
	c.t.Helper()
	if _, err := c.Write(bytes.Join(parts, nil)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *raw) read(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		c.t.Fatalf("read %d bytes: %v", n, err)
	}
	return b
}

// hears wants exactly these bytes.
func (c *raw) hears(parts ...[]byte) {
	c.t.Helper()
	want := bytes.Join(parts, nil)
	if got := c.read(len(want)); !bytes.Equal(got, want) {
		c.t.Errorf("the server said\n%.400x, not\n%.400x", got, want)
	}
}

// closed wants the server to close without another word.
func (c *raw) closed() {
	c.t.Helper()
	b, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		c.t.Errorf("the connection was not closed: %v", err)
	}
	if len(b) > 0 {
		c.t.Errorf("the server still said %q", b)
	}
}

// silent wants nothing to come for a moment.
func (c *raw) silent() {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	defer c.SetReadDeadline(time.Now().Add(deadline))
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("wanted silence, got %d bytes and %v", n, err)
	}
}

func optionBytes(number uint32, parts ...[]byte) []byte {
	data := bytes.Join(parts, nil)
	return bytes.Join([][]byte{[]byte("IHAVEOPT"), u32(number), u32(uint32(len(data))), data}, nil)
}

func (c *raw) option(number uint32, parts ...[]byte) {
	c.t.Helper()
	c.send(optionBytes(number, parts...))
}

// answer is an option reply.
func answer(number, kind uint32, parts ...[]byte) []byte {
	data := bytes.Join(parts, nil)
	return bytes.Join([][]byte{u64(0x3e889045565a9), u32(number), u32(kind), u32(uint32(len(data))), data}, nil)
}

// simpleReply is a simple reply.
func simpleReply(errno uint32, cookie uint64, data ...byte) []byte {
	return bytes.Join([][]byte{u32(0x67446698), u32(errno), u64(cookie), data}, nil)
}

// bytes is the chunk as c would get it.
func (k chunk) bytes(extended bool) []byte {
	flags := u16(0)
	if k.done {
		flags = u16(1)
	}
	if extended {
		return bytes.Join([][]byte{u32(0x6e8a278c), flags, u16(k.kind), u64(k.cookie), u64(k.offset), u64(uint64(len(k.payload))), k.payload}, nil)
	}
	return bytes.Join([][]byte{u32(0x668e33ef), flags, u16(k.kind), u64(k.cookie), u32(uint32(len(k.payload))), k.payload}, nil)
}

// reply reads an option reply.
func (c *raw) reply() (number, kind uint32, data []byte) {
	c.t.Helper()
	h := c.read(20)
	if be.Uint64(h) != 0x3e889045565a9 {
		c.t.Fatalf("an option reply begins with %x", h[:8])
	}
	return be.Uint32(h[8:]), be.Uint32(h[12:]), c.read(int(be.Uint32(h[16:])))
}

// wants reads an option reply of a kind and returns its data.
func (c *raw) wants(kind uint32) []byte {
	c.t.Helper()
	_, got, data := c.reply()
	if got != kind {
		c.t.Fatalf("option reply %#x (%q), want %#x", got, data, kind)
	}
	return data
}

// chooses has block statuses told of the export with the empty name; structured replies are agreed on.
func (c *raw) chooses() {
	c.t.Helper()
	c.option(10, text(""), u32(1), text("base:allocation"))
	c.wants(repContext)
	c.wants(ack)
}

// goes enters transmission and returns the transmission flags.
func (c *raw) goes(name string) uint16 {
	c.t.Helper()
	c.option(7, text(name), u16(0))
	info := c.wants(repInfo)
	c.wants(repInfo)
	c.wants(ack)
	return be.Uint16(info[10:])
}

// usable wants option haggling to work still.
func (c *raw) usable() {
	c.t.Helper()
	c.option(3)
	c.wants(repServer)
	c.wants(repServer)
	c.wants(ack)
}

// ask is a request to be sent.
type ask struct {
	flags, cmd uint16
	off        uint64
	n          uint32
	payload    []byte
	long       uint64 // instead of n, where that is too short
}

func (a ask) bytes(cookie uint64) []byte {
	return bytes.Join([][]byte{u32(0x25609513), u16(a.flags), u16(a.cmd), u64(cookie), u64(a.off), u32(a.n), a.payload}, nil)
}

// extended is the request with an extended header, in which a write announces its payload.
func (a ask) extended(cookie uint64) []byte {
	if a.cmd == 1 {
		a.flags |= payloadLen
	}
	if a.long == 0 {
		a.long = uint64(a.n)
	}
	return bytes.Join([][]byte{u32(0x21e41c71), u16(a.flags), u16(a.cmd), u64(cookie), u64(a.off), u64(a.long), a.payload}, nil)
}

func (c *raw) request(cookie uint64, a ask) {
	c.t.Helper()
	if c.extended {
		c.send(a.extended(cookie))
	} else {
		c.send(a.bytes(cookie))
	}
}

// simple reads a simple reply with n bytes of data if it is no error.
func (c *raw) simple(n int) (errno uint32, cookie uint64, data []byte) {
	c.t.Helper()
	h := c.read(16)
	if be.Uint32(h) != 0x67446698 {
		c.t.Fatalf("a simple reply begins with %x", h[:4])
	}
	if errno = be.Uint32(h[4:]); errno == 0 {
		data = c.read(n)
	}
	return errno, be.Uint64(h[8:]), data
}

// chunk is a structured reply chunk.
type chunk struct {
	done    bool
	kind    uint16
	cookie  uint64
	offset  uint64 // of the request; with extended headers only
	payload []byte
}

func (c *raw) chunk() chunk {
	c.t.Helper()
	magic, size := uint32(0x668e33ef), 20
	if c.extended {
		magic, size = 0x6e8a278c, 32
	}
	h := c.read(size)
	if be.Uint32(h) != magic {
		c.t.Fatalf("a chunk begins with %x", h[:4])
	}
	if f := be.Uint16(h[4:]); f > 1 {
		c.t.Fatalf("a chunk has flags %#x", f)
	}
	k := chunk{done: be.Uint16(h[4:]) == 1, kind: be.Uint16(h[6:]), cookie: be.Uint64(h[8:])}
	if c.extended {
		k.offset, k.payload = be.Uint64(h[16:]), c.read(int(be.Uint64(h[24:])))
	} else {
		k.payload = c.read(int(be.Uint32(h[16:])))
	}
	return k
}

// errno sends a request and returns the error of its answer, a simple reply or a lone chunk; 0 for success.
func (c *raw) errno(structured bool, a ask) uint32 {
	c.t.Helper()
	c.request(7, a)
	// Without extended headers only reads and block statuses, and errors, are answered by chunks.
	if structured && !c.extended {
		magic := c.read(4)
		c.Conn = &pushedBack{Conn: c.Conn, first: magic}
		structured = be.Uint32(magic) == 0x668e33ef
		defer func(inner net.Conn) { c.Conn = inner }(c.Conn.(*pushedBack).Conn)
	}
	if structured {
		k := c.chunk()
		if !k.done || k.cookie != 7 || c.extended && k.offset != a.off {
			c.t.Fatalf("the last chunk is %+v", k)
		}
		if k.kind != fail {
			return 0
		}
		if n := int(be.Uint16(k.payload[4:])); 6+n != len(k.payload) || n == 0 {
			c.t.Fatalf("an error chunk with a text of %d in %d bytes", n, len(k.payload))
		}
		return be.Uint32(k.payload)
	}
	n := 0
	if a.cmd == 0 {
		n = int(a.n)
	}
	e, cookie, _ := c.simple(n)
	if cookie != 7 {
		c.t.Fatalf("cookie %d came back", cookie)
	}
	return e
}

// pushedBack has read a little too much.
type pushedBack struct {
	net.Conn
	first []byte
}

func (p *pushedBack) Read(b []byte) (int, error) {
	if len(p.first) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.first)
	p.first = p.first[n:]
	return n, nil
}

// alive wants reads to be answered still.
func (c *raw) alive(structured bool) {
	c.t.Helper()
	if e := c.errno(structured, ask{cmd: 0, n: 512}); e != 0 {
		c.t.Errorf("a good read got error %d", e)
	}
}

// served wants a new client to be served: nothing that went before has hurt the server.
func (h *house) served() {
	h.t.Helper()
	c := h.client("unix", false)
	c.alive(false)
	c.request(0, ask{cmd: 2})
	c.closed()
}
