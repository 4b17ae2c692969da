package secure

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	"example.com/nbdtui/internal/param"
)

// ServerKeys takes clients that know one of the pre-shared keys in a file, as psktool writes it. The file is read
// again for each client, so that a key can be taken back.
func ServerKeys(file string) (Wrap, error) {
	if _, _, err := readKeys(file); err != nil {
		return nil, err
	}
	return withEngines(func() (engine, error) { return newServerEngine(file) })
}

// ClientKeys shows a server a user's pre-shared key, from a file that psktool wrote.
func ClientKeys(file, user string) (Wrap, error) {
	_, keys, err := readKeys(file)
	if err != nil {
		return nil, err
	}
	key, ok := keys[user]
	if !ok {
		return nil, param.WithHint(fmt.Errorf("%s has no key of %q", file, user), "name another user before the host, as in nbds://user@host")
	}
	return withEngines(func() (engine, error) { return newClientEngine(user, key) })
}

// KeyUsers are those who have a key in a file, in its order.
func KeyUsers(file string) ([]string, error) {
	users, _, err := readKeys(file)
	return users, err
}

// readKeys reads lines of a name, a colon and a key in hexadecimal. The file must be its owner's alone.
func readKeys(file string) (users []string, keys map[string]string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s is no regular file", file)
	case info.Mode().Perm()&0o077 != 0:
		return nil, nil, param.WithHint(fmt.Errorf("%s can be read or changed by others: its mode is %04o", file, info.Mode().Perm()), "chmod 600 "+file)
	}
	keys = map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ':')
		if _, err := hex.DecodeString(line[at+1:]); err != nil || at < 1 || at+1 == len(line) {
			return nil, nil, param.WithHint(fmt.Errorf("%s, line %d: not a name, a colon and a key in hexadecimal", file, n),
				"psktool -u USER -p "+file+" makes one")
		}
		users = append(users, line[:at])
		keys[line[:at]] = line[at+1:]
	}
	return users, keys, lines.Err()
}

// engine turns plain bytes into records of TLS and back, for one session. It does no input and no output: what came in
// is put there, and what is to go out is taken from it. One caller at a time.
type engine interface {
	handshake() error             // errMore until it is over
	send(p []byte) error          // all of p, at most sendMost
	recv(p []byte) (int, error)   // errMore where a record is not whole; io.EOF behind a farewell
	farewell()                    // close_notify
	version() uint16              // of TLS
	put(in []byte)                // what came in; kept until it was used up, which errMore says
	pending() bool                // something is to go out
	take(old []byte) (out []byte) // what is to go out; old is for what comes next
	free()                        // nothing is called afterwards
}

// errMore is an engine's that needs more input.
var errMore = errors.New("more input is needed")

// sendMost is how much is sent to an engine at once.
const sendMost = 64 << 10

// withEngines makes the connections; one that gets no engine fails in its handshake.
func withEngines(make func() (engine, error)) (Wrap, error) {
	e, err := make()
	if err != nil {
		return nil, err // now, and not when somebody comes
	}
	e.free()
	return func(n net.Conn) Conn {
		e, err := make()
		return &engineConn{Conn: n, engine: e, failed: err}
	}, nil
}

// engineConn is a connection around an engine. Reading and writing may go on at the same time.
type engineConn struct {
	net.Conn
	sending sync.Mutex // records leave in the order in which they were made; locked before mu
	spare   []byte     // guarded by sending: records on their way
	input   []byte     // the reader's alone
	state   tls.ConnectionState

	mu     sync.Mutex // one call of the engine at a time
	engine engine     // nil when it is freed
	failed error      // why there is none
}

// inputSize holds a record.
const inputSize = 20 << 10

// call calls the engine.
func (c *engineConn) call(f func(engine) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.engine == nil {
		return errors.Join(c.failed, net.ErrClosed)
	}
	return f(c.engine)
}

// sendAll has f make records, and sends them with what else is to go out.
func (c *engineConn) sendAll(f func(engine) error) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	err := c.call(func(e engine) error {
		err := f(e)
		c.spare = e.take(c.spare[:0])
		return err
	})
	if err != nil || len(c.spare) == 0 {
		return err
	}
	_, err = c.Conn.Write(c.spare)
	return err
}

// until calls f until it has what it needs, and brings input meanwhile. What f made goes out first: the other side may
// wait for it.
func (c *engineConn) until(f func(engine) error) error {
	for {
		answers := false
		err := c.call(func(e engine) error {
			err := f(e)
			answers = e.pending()
			return err
		})
		if answers { // else a writer that has to wait must not keep the reader from reading
			sent := c.sendAll(func(engine) error { return nil })
			if sent != nil && (err == nil || err == errMore) {
				return sent
			}
		}
		if err != errMore {
			return err
		}
		if c.input == nil {
			c.input = make([]byte, inputSize)
		}
		n, err := c.Conn.Read(c.input)
		if n == 0 {
			return err
		}
		if err := c.call(func(e engine) error { e.put(c.input[:n]); return nil }); err != nil {
			return err
		}
	}
}

func (c *engineConn) HandshakeContext(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.Conn.Close() })
	defer stop()
	err := c.until(engine.handshake)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	return c.call(func(e engine) error {
		c.state = tls.ConnectionState{Version: e.version(), HandshakeComplete: true}
		return nil
	})
}

// ConnectionState has the version and nothing else: package tls knows no pre-shared keys.
func (c *engineConn) ConnectionState() tls.ConnectionState { return c.state }

func (c *engineConn) Read(p []byte) (n int, err error) {
	err = c.until(func(e engine) (err error) { n, err = e.recv(p); return err })
	return n, err
}

func (c *engineConn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		piece := p[n:min(n+sendMost, len(p))]
		if err := c.sendAll(func(e engine) error { return e.send(piece) }); err != nil {
			return n, err
		}
		n += len(piece)
	}
	return n, nil
}

func (c *engineConn) CloseWrite() error {
	return c.sendAll(func(e engine) error { e.farewell(); return nil })
}

// Close closes the connection below and frees the engine.
func (c *engineConn) Close() error {
	err := c.Conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.engine != nil {
		c.engine.free()
		c.engine = nil
	}
	return err
}
