package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

const (
	idleClients = 1000
	idleMost    = 64 << 20 // bytes of physical memory, the program's own included
	idleRequest = 64 << 10 // bytes that each client writes and reads before it idles
)

// countIdle measures the memory of nbdtui with many clients that have done something, and now do nothing.
func (b *bench) countIdle(ctx context.Context) error {
	at, err := b.place(scene{}, b.copy)
	if err != nil {
		return err
	}
	p, err := servers[0].start(ctx, at)
	if err != nil {
		return err
	}
	defer p.stop()
	for range idleClients {
		c, err := net.Dial("unix", p.socket)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := work(c); err != nil {
			return fmt.Errorf("a client of many: %w", err)
		}
	}
	peak := peakMemory(p.pid())
	fmt.Printf("\n%d clients that wait: %s MiB at the peak, at most %d\n", idleClients, number(float64(peak)/(1<<20)), idleMost>>20)
	if peak > idleMost {
		return fmt.Errorf("%d idle clients take %d bytes", idleClients, peak)
	}
	return nil
}

// work shakes hands, writes and reads.
func work(c net.Conn) error {
	be := binary.BigEndian
	const fixedAndNoZeroes, exportName, read, write = 3, 1, 0, 1
	request := func(cmd uint16, payload []byte) []byte {
		b := be.AppendUint16(be.AppendUint16(be.AppendUint32(nil, 0x25609513), 0), cmd)
		return append(be.AppendUint32(be.AppendUint64(be.AppendUint64(b, 7), 0), idleRequest), payload...)
	}
	data := bytes.Repeat([]byte{3}, idleRequest)
	answer := make([]byte, idleRequest)
	for _, step := range []struct {
		say  []byte
		hear int
	}{
		{nil, 18},
		{be.AppendUint32(be.AppendUint32([]byte{0, 0, 0, fixedAndNoZeroes, 'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T'}, exportName), 0), 10},
		{request(write, data), 16},
		{request(read, nil), 16},
		{nil, idleRequest},
	} {
		if _, err := c.Write(step.say); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, answer[:step.hear]); err != nil {
			return err
		}
	}
	if !bytes.Equal(answer, data) {
		return fmt.Errorf("what was written is not read")
	}
	return nil
}
