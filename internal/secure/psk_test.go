package secure

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.com/nbdtui/internal/param"
)

// keys is a file of pre-shared keys.
func keys(t *testing.T, text string) string {
	t.Helper()
	if !HasKeys {
		t.Skip("this system has no pre-shared keys")
	}
	file := filepath.Join(t.TempDir(), "keys.psk")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const alice, bob = "alice:0123456789abcdef0123456789abcdef\n", "bob:ffffffffffffffffffffffffffffffff\n"

func TestKeysProveBothSides(t *testing.T) {
	file := keys(t, "# who may come\n\n"+alice+bob)
	ok := must(t)
	server := ok(ServerKeys(file))
	for name, c := range map[string]struct {
		client Wrap
		good   bool
	}{
		"a key":          {ok(ClientKeys(file, "alice")), true},
		"another one":    {ok(ClientKeys(file, "bob")), true},
		"a wrong key":    {ok(ClientKeys(keys(t, "alice:00112233"), "alice")), false},
		"a stranger":     {ok(ClientKeys(keys(t, "eve:00112233"), "eve")), false},
		"no key":         {ok(ClientCertificates("", "localhost", false)), false},
		"plain text":     {func(n net.Conn) Conn { return plain{n, nil} }, false},
		"an early close": {func(n net.Conn) Conn { return plain{n, n.Close} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			theirs, ours := meet(t, server, c.client)
			if good := theirs == nil && ours == nil; good != c.good {
				t.Errorf("the server says %v, the client %v", theirs, ours)
			}
		})
	}
	os.WriteFile(file, []byte(bob), 0o600)
	if theirs, _ := meet(t, server, ok(ClientKeys(keys(t, alice), "alice"))); theirs == nil {
		t.Error("a key that was taken back still works")
	}
}

// plain does not speak TLS.
type plain struct {
	net.Conn
	first func() error
}

func (p plain) HandshakeContext(context.Context) error {
	if p.first != nil {
		return p.first()
	}
	_, err := p.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 100))
	return err
}
func (plain) ConnectionState() tls.ConnectionState { return tls.ConnectionState{} }
func (plain) CloseWrite() error                    { return nil }

// Bytes go both ways at the same time, in pieces of any size, and the farewell is the end.
func TestKeyedConnectionsCarryBytes(t *testing.T) {
	file := keys(t, alice)
	server, client := must(t)(ServerKeys(file)), must(t)(ClientKeys(file, "alice"))
	a, b := connected(t)
	ends := []Conn{server(a), client(b)}
	var shakes sync.WaitGroup
	for _, end := range ends {
		shakes.Go(func() {
			if err := end.HandshakeContext(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	shakes.Wait()
	if s := ends[0].ConnectionState(); s.Version != tls.VersionTLS13 || !s.HandshakeComplete {
		t.Errorf("state %+v", s)
	}
	const total = 20 << 20
	var all sync.WaitGroup
	for i, end := range ends {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			stream := rand.NewChaCha8([32]byte{byte(i)})
			for left := total; left > 0; {
				p := make([]byte, min(left, 1+random.IntN(200_000)))
				stream.Read(p)
				if n, err := end.Write(p); n != len(p) || err != nil {
					t.Errorf("wrote %d of %d: %v", n, len(p), err)
					return
				}
				left -= len(p)
			}
			if err := end.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			stream := rand.NewChaCha8([32]byte{byte(1 - i)})
			got := 0
			for {
				p := make([]byte, 1+random.IntN(70_000))
				n, err := end.Read(p)
				want := make([]byte, n)
				stream.Read(want)
				if got += n; !bytes.Equal(p[:n], want) {
					t.Error("the bytes differ")
					return
				}
				if err != nil {
					if err != io.EOF || got != total {
						t.Errorf("after %d bytes: %v", got, err)
					}
					return
				}
			}
		})
	}
	all.Wait()
	for _, end := range ends {
		end.Close()
		if _, err := end.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed connection says %v", err)
		}
	}
}

// connected is both ends of a connection.
func connected(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestKeyFilesAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"a group may read":  {alice, 0o640, "can be read or changed by others: its mode is 0640"},
		"others may write":  {alice, 0o602, "its mode is 0602"},
		"no colon":          {alice + "bob\n", 0o600, "line 2: not a name"},
		"no name":           {":00\n", 0o600, "line 1: not a name"},
		"no key":            {"bob:\n", 0o600, "line 1: not a name"},
		"not a hexadecimal": {"bob:xyz\n", 0o600, "line 1: not a name"},
	} {
		file := keys(t, c.text)
		os.Chmod(file, c.mode)
		var hint *param.Hint
		if _, err := ServerKeys(file); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), file) || !errors.As(err, &hint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ServerKeys(t.TempDir()); err == nil {
		t.Error("a directory was taken")
	}
	if _, err := ClientKeys(keys(t, alice), "bob"); err == nil || !strings.Contains(err.Error(), `no key of "bob"`) {
		t.Errorf("%v", err)
	}
}
