package nbd

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
)

// wired is an input and the client at its other end, on a socket and on what is none.
func wired(t *testing.T, l *largeInputs) map[string]struct {
	in     input
	client net.Conn
} {
	t.Helper()
	type pair = struct {
		in     input
		client net.Conn
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	socket := newSocket(server)
	t.Cleanup(func() {
		for _, c := range []net.Conn{client, socket, near, far} {
			c.Close()
		}
	})
	return map[string]pair{
		"socket": {newInput(socket, l), client},
		"pipe":   {newInput(newSocket(near), l), far},
	}
}

// Whatever the sizes in which bytes come and are taken, they are the same bytes, and nothing is kept in the end.
func TestInputKeepsTheStream(t *testing.T) {
	var large largeInputs
	for name, w := range wired(t, &large) {
		t.Run(name, func(t *testing.T) {
			stream := make([]byte, 8<<20)
			rand.NewChaCha8([32]byte{1}).Read(stream)
			done := make(chan error, 1)
			go func() {
				random := rand.New(rand.NewPCG(1, 1))
				for left := stream; len(left) > 0; {
					n := min(1+random.IntN(300_000), len(left))
					if _, err := w.client.Write(left[:n]); err != nil {
						done <- err
						return
					}
					left = left[n:]
				}
				done <- w.client.Close()
			}()
			random := rand.New(rand.NewPCG(2, 2))
			for at := 0; at < len(stream); {
				n := min(1+random.IntN(inputMost/2), len(stream)-at)
				got := make([]byte, n)
				var err error
				switch how := random.IntN(3); {
				case how == 0:
					err = w.in.discard(uint64(n))
					copy(got, stream[at:])
				case how == 1 && (n <= inputSize/2 || w.in.grow()):
					if err = w.in.fill(n); err == nil {
						copy(got, w.in.next(n))
					}
				default:
					err = w.in.read(got)
				}
				if err != nil || !bytes.Equal(got, stream[at:at+n]) {
					t.Fatalf("%d bytes at %d: %v, or not those that were sent", n, at, err)
				}
				at += n
			}
			if err := w.in.fill(1); err != io.EOF {
				t.Errorf("behind the end: %v", err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			w.in.release()
		})
	}
	if n := large.n.Load(); n != 0 {
		t.Errorf("%d large buffers are still counted", n)
	}
}

func TestLargeInputsAreFew(t *testing.T) {
	var large largeInputs
	ins := make([]input, inputsMost+1)
	for i := range ins {
		ins[i] = newInput(socket{}, &large)
		if got, want := ins[i].grow(), i < inputsMost; got != want {
			t.Fatalf("large buffer %d: %v, want %v", i, got, want)
		}
	}
	if !ins[0].grow() {
		t.Error("who has a large buffer may not keep it")
	}
	ins[0].release()
	if !ins[inputsMost].grow() {
		t.Error("a large buffer that was given back is not given again")
	}
	for i := range ins {
		ins[i].release()
	}
	if n := large.n.Load(); n != 0 {
		t.Errorf("%d large buffers are still counted", n)
	}
}
