package nbd

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who looks in vain looks seldom; who does not, goes on.
func TestBusyPollLearns(t *testing.T) {
	var fds [2]int
	var err error
	if fds, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	b := make([]byte, 8)
	var p busyPoll
	if _, err := p.look(fds[0], b); err != unix.EAGAIN || p.luck != -pollEvery {
		t.Fatalf("nothing comes: %v, luck %d", err, p.luck)
	}
	waits := 0
	for ; !p.worthwhile(); waits++ {
	}
	if waits != pollEvery {
		t.Errorf("it looks again after %d waits", waits)
	}
	unix.Write(fds[1], []byte("word"))
	if n, err := p.look(fds[0], b); n != 4 || err != nil || p.luck != 0 {
		t.Errorf("what is there: %d bytes, %v, luck %d", n, err, p.luck)
	}
	p.luck = pollLuck
	for range pollLuck / pollLoss {
		p.look(fds[0], b)
	}
	if !p.worthwhile() {
		t.Error("a little bad luck is enough to give up")
	}
	unix.Close(fds[1])
	if n, err := p.receive(fds[0], b, 0); n != 0 || err != nil {
		t.Errorf("the end: %d bytes, %v", n, err)
	}
}

// A reader that waits in the kernel takes no processor either.
func TestAReaderInTheKernelIsNotAwake(t *testing.T) {
	before := awake.Load()
	s, client := steadyPair(t)
	forever := unix.NsecToTimeval(0)
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &forever); err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() { // ends with the word, or with the socket
		p := busyPoll{luck: -pollEvery}
		_, err := p.receive(s.fd, make([]byte, 1), 0)
		read <- err
	}()
	for end := time.Now().Add(10 * time.Second); awake.Load() != before; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not sleep, or is awake then")
		}
	}
	client.Write([]byte{1})
	if err := <-read; err != nil {
		t.Error(err)
	}
	if n := awake.Load() - before; n != 1 {
		t.Errorf("one that has read is %d readers awake", n)
	}
}

// Clients that are quiet take no processor from the others.
func TestQuietClientsAreNotAwake(t *testing.T) {
	before := awake.Load()
	s, _ := steadyPair(t)
	if n := awake.Load() - before; n != 1 {
		t.Fatalf("a new client is %d clients awake", n)
	}
	ended := make(chan struct{})
	go func() { // ends with the socket
		defer close(ended)
		s.Read(make([]byte, 1))
	}()
	parked(t, s, &s.reading)
	if n := awake.Load() - before; n != 0 {
		t.Errorf("a quiet client is %d clients awake", n)
	}
	s.Close()
	<-ended
	if n := awake.Load() - before; n != 0 {
		t.Errorf("a client that is gone is %d clients awake", n)
	}
}
