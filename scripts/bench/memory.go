package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	idleClients = 1000
	idleMost    = 64 << 20 // bytes of physical memory, the program's own included
	idleRequest = 64 << 10 // bytes that each client writes and reads before it idles

	stalledClients = 128 // as many as nbdtui takes by itself
	// stalledMost is --max-memory, and for each client what it may have beside that: small requests for sixteen workers
	// and as many that wait for them, a large one, and what was read ahead.
	stalledMost = 256<<20 + stalledClients*(33*64<<10+2<<20+256<<10)
)

// countMemory measures the memory of nbdtui with many clients that have done something and now do nothing, and with as
// many as it takes that do not go on, each with as much in hand as it may have.
func (b *bench) countMemory(ctx context.Context) error {
	for _, c := range []struct {
		says    string
		scene   scene
		file    string
		clients int
		most    uint64
		do      func(net.Conn) error
	}{
		{"that wait", scene{crowd: true}, b.copy, idleClients, idleMost, work},
		{"that do not read their replies", scene{copies: true, filters: []string{"delay"}, words: []string{"delay-read=1"}}, b.image, stalledClients, stalledMost, readNothing},
		{"whose writes are not finished", scene{filters: []string{"delay"}, words: []string{"delay-write=3600"}}, b.copy, stalledClients, stalledMost, writeTooMuch},
	} {
		peak, err := b.peak(ctx, c.scene, c.file, c.clients, c.do)
		if err != nil {
			return fmt.Errorf("clients %s: %w", c.says, err)
		}
		fmt.Printf("\n%d clients %s: %s MiB at the peak, at most %d\n", c.clients, c.says, number(float64(peak)/(1<<20)), c.most>>20)
		if peak > c.most {
			return fmt.Errorf("%d clients %s take %d bytes", c.clients, c.says, peak)
		}
	}
	return nil
}

// peak is the most memory that nbdtui takes with so many clients that shake hands, do something and stay.
func (b *bench) peak(ctx context.Context, s scene, file string, clients int, do func(net.Conn) error) (uint64, error) {
	at, err := b.place(s, file)
	if err != nil {
		return 0, err
	}
	p, err := servers[0].start(ctx, at)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	var doing sync.WaitGroup
	failed := make([]error, clients)
	for i := range clients {
		c, err := net.Dial("unix", p.socket)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if err := greet(c); err != nil {
			return 0, err
		}
		doing.Go(func() { failed[i] = do(c) })
	}
	doing.Wait()
	return settled(ctx, p.pid()), errors.Join(failed...)
}

// settled is the peak of a process's memory when it has not grown for a while.
func settled(ctx context.Context, pid int) (peak uint64) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for still := 0; still < 50 && ctx.Err() == nil; still++ {
		<-tick.C
		if now := peakMemory(pid); now != peak {
			peak, still = now, 0
		}
	}
	return peak
}

var be = binary.BigEndian

const read, write = 0, 1

func request(cmd uint16, length uint32, payload []byte) []byte {
	b := be.AppendUint16(be.AppendUint16(be.AppendUint32(nil, 0x25609513), 0), cmd)
	return append(be.AppendUint32(be.AppendUint64(be.AppendUint64(b, 7), 0), length), payload...)
}

// step is what a client says, and how much it then hears.
type step struct {
	say  []byte
	hear int
}

// talk takes steps, and returns what it heard last.
func talk(c net.Conn, steps ...step) (heard []byte, err error) {
	for _, s := range steps {
		if _, err := c.Write(s.say); err != nil {
			return nil, err
		}
		heard = make([]byte, s.hear)
		if _, err := io.ReadFull(c, heard); err != nil {
			return nil, err
		}
	}
	return heard, nil
}

// greet shakes hands.
func greet(c net.Conn) error {
	const fixedAndNoZeroes, exportName = 3, 1
	_, err := talk(c, step{nil, 18},
		step{be.AppendUint32(be.AppendUint32([]byte{0, 0, 0, fixedAndNoZeroes, 'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T'}, exportName), 0), 10})
	return err
}

// work writes and reads.
func work(c net.Conn) error {
	data := bytes.Repeat([]byte{3}, idleRequest)
	answer, err := talk(c, step{request(write, idleRequest, data), 16}, step{request(read, idleRequest, nil), 16}, step{nil, idleRequest})
	if err == nil && !bytes.Equal(answer, data) {
		return fmt.Errorf("what was written is not read")
	}
	return err
}

// readNothing asks for more than it may have.
func readNothing(c net.Conn) error {
	_, err := c.Write(bytes.Repeat(request(read, 2<<20, nil), 100))
	return err
}

// tooMuch is small and large writes, more than anybody may have in hand.
var tooMuch = sync.OnceValue(func() []byte {
	small, large := request(write, 64<<10, make([]byte, 64<<10)), request(write, 2<<20, make([]byte, 2<<20))
	return append(bytes.Repeat(small, 32), bytes.Repeat(large, 40)...)
})

// writeTooMuch writes until nobody takes any more.
func writeTooMuch(c net.Conn) error {
	if err := c.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err := c.Write(tooMuch())
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return errors.Join(err, errors.New("it took everything"))
}
