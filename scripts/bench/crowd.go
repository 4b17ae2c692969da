package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	crowdTime = 300 * time.Millisecond
	crowdSize = 4 << 10
	turnDepth = 16 // requests that a client sends at once where it is its turn
)

// takingTurns has clients of our own, fio's would be as many threads, ask one after the other.
func takingTurns(connections int) workload {
	return crowd(fmt.Sprintf("4 KiB, depth %d, random read, %d connections in turn", turnDepth, connections), connections,
		func(c []*member, end time.Time) error {
			for i := 0; time.Now().Before(end); i++ {
				if err := c[i%len(c)].ask(turnDepth); err != nil {
					return err
				}
			}
			return nil
		})
}

// allAtOnce has them all ask for one thing after the other.
func allAtOnce(connections int) workload {
	return crowd(fmt.Sprintf("4 KiB, depth 1, random read, %d connections", connections), connections,
		func(c []*member, end time.Time) error {
			var asking sync.WaitGroup
			failed := make([]error, len(c))
			for i := range c {
				asking.Go(func() {
					for time.Now().Before(end) && failed[i] == nil {
						failed[i] = c[i].ask(1)
					}
				})
			}
			asking.Wait()
			return errors.Join(failed...)
		})
}

func crowd(name string, connections int, work func(c []*member, end time.Time) error) workload {
	run := func(_ context.Context, _ workload, p *process, _ string) (outcome, error) {
		c := make([]*member, connections)
		for i := range c {
			m, err := join(p.socket)
			if err != nil {
				return outcome{}, err
			}
			defer m.Close()
			c[i] = m
		}
		begin := time.Now()
		err := work(c, begin.Add(crowdTime))
		o := outcome{}
		for _, m := range c {
			o.operations += m.answered
		}
		o.rate = o.operations / time.Since(begin).Seconds()
		return o, err
	}
	return workload{name: name, unit: "requests/s", size: crowdSize, scene: scene{many: true}, run: run}
}

// member is a client of the crowd.
type member struct {
	net.Conn
	says, hears []byte
	answered    float64
}

// join connects one and shakes hands. It is to be closed.
func join(socket string) (*member, error) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	if err = errors.Join(c.SetDeadline(time.Now().Add(patience)), greet(c)); err != nil {
		c.Close()
		return nil, err
	}
	return &member{Conn: c}, nil
}

// ask reads n times anywhere in the file.
func (m *member) ask(n int) error {
	m.says = m.says[:0]
	for range n {
		m.says = append(m.says, request(read, crowdSize, nil)...)
		be.PutUint64(m.says[len(m.says)-12:], rand.Uint64N(imageSize/crowdSize)*crowdSize)
	}
	if _, err := m.Write(m.says); err != nil {
		return err
	}
	const reply = 16 + crowdSize
	if len(m.hears) < n*reply {
		m.hears = make([]byte, n*reply)
	}
	if _, err := io.ReadFull(m, m.hears[:n*reply]); err != nil {
		return err
	}
	for i := range n {
		if head := m.hears[i*reply:]; be.Uint64(head) != 0x67446698<<32 {
			return fmt.Errorf("a read was answered with % x", head[:16])
		}
	}
	m.answered += float64(n)
	return nil
}
