package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/nbd/client/clienttest"
	"example.com/nbdtui/internal/secure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience ends a test that hangs.
const patience = 30 * time.Second

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func dial(t testing.TB, uri string) *Client {
	t.Helper()
	c, err := Dial(limited(t), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// The same requests against every kind of server: structured and simple replies, GO and EXPORT_NAME.
func TestEveryRequestAgainstEveryServer(t *testing.T) {
	const size = 8 << 20
	raw := filepath.Join(t.TempDir(), "raw")
	if err := os.WriteFile(raw, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(raw, size); err != nil {
		t.Fatal(err)
	}
	pki := certificates(t)
	credentials := "tls-creds-x509,id=tls,endpoint=server,verify-peer=yes,dir=" + pki
	keys := filepath.Join(t.TempDir(), "keys.psk")
	if err := os.WriteFile(keys, []byte("alice:0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := "tls-creds-psk,id=tls,endpoint=server,dir=" + filepath.Dir(keys)
	type server struct {
		start      func() string
		structured bool
	}
	servers := map[string]server{
		"nbdkit, TLS": {func() string {
			return overTLS(clienttest.Nbdkit(t, "--tls=require", "--tls-verify-peer", "--tls-certificates="+pki, "memory", "8M"), pki)
		}, true},
		"qemu-nbd, TLS": {func() string {
			return overTLS(clienttest.QemuNbd(t, "--discard=unmap", "--object", credentials, "--tls-creds", "tls", "-f", "raw", raw), pki)
		}, true},
		"nbdkit":           {func() string { return clienttest.Nbdkit(t, "memory", "8M") }, true},
		"nbdkit, simple":   {func() string { return clienttest.Nbdkit(t, "--no-sr", "memory", "8M") }, false},
		"nbdkit, newstyle": {func() string { return clienttest.Nbdkit(t, "--mask-handshake=0", "memory", "8M") }, false},
		"nbdkit, zeroes":   {func() string { return clienttest.Nbdkit(t, "--mask-handshake=1", "memory", "8M") }, true},
		"qemu-nbd":         {func() string { return clienttest.QemuNbd(t, "--discard=unmap", "-f", "raw", raw) }, true},
	}
	if secure.HasKeys {
		servers["nbdkit, keys"] = server{func() string {
			return withKey(clienttest.Nbdkit(t, "--tls=require", "--tls-psk="+keys, "memory", "8M"), "alice", keys)
		}, true}
		servers["qemu-nbd, keys"] = server{func() string {
			return withKey(clienttest.QemuNbd(t, "--discard=unmap", "--object", secret, "--tls-creds", "tls", "-f", "raw", raw), "alice", keys)
		}, true}
	}
	for name, c := range servers {
		t.Run(name, func(t *testing.T) {
			ctx, x := limited(t), dial(t, c.start())
			if x.Size() != size || x.Info().Structured != c.structured || x.Info().Extents != c.structured {
				t.Fatalf("information: %+v", x.Info())
			}
			want := make([]byte, size)
			rng := rand.NewChaCha8([32]byte{1})
			rng.Read(want[1<<20 : 3<<20])
			if err := x.WriteAt(ctx, want[1<<20:3<<20], 1<<20, block.FUA); err != nil {
				t.Fatal(err)
			}
			if err := x.Zero(ctx, 2<<20, 1<<20, block.MayTrim); err != nil {
				t.Fatal(err)
			}
			clear(want[2<<20 : 3<<20])
			if err := x.Zero(ctx, 1<<20, 4096, 0); err != nil {
				t.Fatal(err)
			}
			clear(want[1<<20 : 1<<20+4096])
			if err := x.Trim(ctx, 4<<20, 1<<20, 0); err != nil {
				t.Fatal(err)
			}
			if err := x.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			got := bytes.Repeat([]byte{0xee}, size)
			if err := x.ReadAt(ctx, got, 0); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("the bytes differ, %v", err)
			}
			list, err := extents(ctx, x)
			if err != nil {
				t.Fatal(err)
			}
			if !c.structured {
				if len(list) != 1 || list[0] != (block.Extent{Length: size}) {
					t.Errorf("without block status all is data, not %v", list)
				}
				return
			}
			if zero := list[0].Flags&block.Zero != 0; !zero || list[0].Length < 1<<20 {
				t.Errorf("the first MiB was never written: %v", list)
			}
		})
	}
}

func extents(ctx context.Context, c *Client) (list []block.Extent, err error) {
	for off := uint64(0); off < c.Size() && err == nil; {
		start := len(list)
		list, err = c.Extents(ctx, off, c.Size()-off, 0, list)
		for _, e := range list[start:] {
			off += e.Length
		}
	}
	return list, err
}

// Many goroutines on one connection each get their own answer.
func TestRequestsInFlightAreNotMixedUp(t *testing.T) {
	c := dial(t, clienttest.Nbdkit(t, "pattern", "64M"))
	var all sync.WaitGroup
	for i := range uint64(32) {
		all.Go(func() {
			ctx, b := limited(t), make([]byte, 64<<10)
			rng := rand.New(rand.NewPCG(i, 0))
			for range 200 {
				n := 8 * (1 + rng.Uint64N(uint64(len(b))/8))
				off := 8 * rng.Uint64N((c.Size()-n)/8+1)
				if err := c.ReadAt(ctx, b[:n], off); err != nil {
					t.Error(err)
					return
				}
				for j := uint64(0); j < n; j += 8 {
					if got := binary.BigEndian.Uint64(b[j:]); got != off+j {
						t.Errorf("at %d stands %d", off+j, got)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

func TestAServersErrorIsNamed(t *testing.T) {
	for _, server := range [][]string{{"--filter=error"}, {"--no-sr", "--filter=error"}} {
		c := dial(t, clienttest.Nbdkit(t, append(server, "memory", "1M", "error=ENOSPC", "error-rate=100%")...))
		ctx, b := limited(t), make([]byte, 4096)
		for _, err := range []error{c.ReadAt(ctx, b, 8192), c.WriteAt(ctx, b, 8192, 0), c.Zero(ctx, 8192, 4096, 0), c.Trim(ctx, 8192, 4096, 0)} {
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, syscall.ENOSPC) || e.Offset != 8192 || e.Length != 4096 ||
				!strings.Contains(err.Error(), "4096 bytes at offset 8192") {
				t.Errorf("%v", err)
			}
		}
	}
}

// What the server would have to refuse is never sent.
func TestBadRequestsAreRefusedHere(t *testing.T) {
	c := dial(t, clienttest.Nbdkit(t, "-r", "memory", "128M"))
	ctx, b := limited(t), make([]byte, 4096)
	for _, x := range []struct {
		err  error
		want error
	}{
		{c.ReadAt(ctx, b, 128<<20), syscall.EINVAL},
		{c.ReadAt(ctx, b, ^uint64(0)-100), syscall.EINVAL},
		{c.ReadAt(ctx, make([]byte, 64<<20+1), 0), syscall.EOVERFLOW},
		{c.WriteAt(ctx, b, 0, 0), syscall.EPERM},
		{c.Trim(ctx, 0, 1, 0), syscall.EPERM},
		{c.Zero(ctx, 0, 1, 0), syscall.EPERM},
		{c.ReadAt(ctx, nil, 0), nil},
		{c.ReadAt(ctx, b, 128<<20-4096), nil},
	} {
		if !errors.Is(x.err, x.want) {
			t.Errorf("%v, want %v", x.err, x.want)
		}
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	socket := func(uri string) string { return uri[strings.Index(uri, "?"):] }
	exports := t.TempDir()
	for want, uri := range map[string]string{
		"no such export":  "nbd+unix:///none" + socket(clienttest.Nbdkit(t, "file", "dir="+exports)),
		"oldstyle":        clienttest.Nbdkit(t, "-o", "memory", "1M"),
		"no such file":    "nbd+unix:///?socket=/no/such/socket",
		"tls-type=anon":   "nbds://localhost/?tls-type=anon",
		"neither 0 nor 1": "nbds://localhost/?tls-verify-peer=x",
		"ca-cert.pem":     "nbds://localhost/?tls-certificates=" + exports,
		"names no host":   "nbd:///disk",
		"?socket=PATH":    "nbd+unix:///disk",
		"is not nbd":      "http://localhost",
		"1000000 bytes":   "nbd://localhost/" + strings.Repeat("x", 1000000),
		"invalid URL esc": "nbd+unix:///?socket=%zz",
	} {
		c, err := Dial(limited(t), uri)
		if err == nil {
			c.Close()
			t.Errorf("opened %s", uri)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestCloseEndsWhatIsInFlight(t *testing.T) {
	c := dial(t, clienttest.Nbdkit(t, "--filter=delay", "memory", "1M", "rdelay=3600"))
	started, ended := make(chan struct{}), make(chan error)
	go func() {
		close(started)
		ended <- c.ReadAt(limited(t), make([]byte, 512), 0)
	}()
	<-started
	c.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := c.Flush(limited(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	c.Close()
}

// A request that is cancelled leaves the connection to the others, and its memory to its caller.
func TestACancelledRequestCostsNothingElse(t *testing.T) {
	c := dial(t, clienttest.Nbdkit(t, "--filter=delay", "pattern", "16M", "rdelay=200ms"))
	b := make([]byte, 4<<20)
	for range 5 {
		ctx, cancel := context.WithCancel(limited(t))
		ended := make(chan error)
		go func() { ended <- c.ReadAt(ctx, b, 0) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("%v", err)
		}
		clear(b) // the race detector sees who writes to it
	}
	if err := c.ReadAt(limited(t), b[:4096], 4096); err != nil || binary.BigEndian.Uint64(b) != 4096 {
		t.Errorf("after the cancelled ones: %v", err)
	}
}

func TestARequestTakesNoMemory(t *testing.T) {
	c := dial(t, clienttest.Nbdkit(t, "memory", "1M"))
	ctx, b := limited(t), make([]byte, 4096)
	n := testing.AllocsPerRun(500, func() {
		if err := c.WriteAt(ctx, b, 0, 0); err != nil {
			t.Fatal(err)
		}
		if err := c.ReadAt(ctx, b, 0); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 1 && !raceEnabled {
		t.Errorf("a write and a read take memory %v times", n)
	}
}
