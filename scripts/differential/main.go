// Command differential compares nbdtui with nbdkit: it starts both with the same plugin, filters, parameters and
// order, makes the same requests of both, and compares what they answer, byte for byte and error for error.
//
//	differential -sequences 2000      as many, from the first seed on
//	differential -seed 77             one of them again, with all that is asked
//
// What differs on purpose is not asked for, and said in stack.go and sequence.go where that is so.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("differential: ")
	seed := flag.Uint64("seed", 1, "the first sequence")
	sequences := flag.Uint64("sequences", 1, "how many there are")
	atOnce := flag.Int("jobs", 4, "how many run at a time")
	program := flag.String("nbdtui", "bin/nbdtui", "the program to compare")
	flag.Parse()
	if _, err := exec.LookPath(*program); err != nil {
		log.Fatalf("%v (make build makes it)", err)
	}
	if _, err := exec.LookPath("nbdkit"); err != nil {
		log.Fatal("nbdkit is not here: make peers installs it, or says how")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	failed := compareAll(ctx, *program, *seed, *sequences, *atOnce, func(s *sequence, err error) {
		switch {
		case err != nil:
			fmt.Println(s.report(err))
		case *sequences == 1:
			fmt.Printf("  nbdkit|nbdtui %s\n%s", quoted(s.args("DIR")), s.last(1<<20))
		}
	})
	if ctx.Err() != nil {
		log.Fatal("interrupted")
	}
	fmt.Printf("%d of %d sequences differ\n", failed, *sequences)
	if failed > 0 {
		os.Exit(1)
	}
}

// compareAll runs sequences, several at a time, and tells of each; it returns how many differ.
func compareAll(ctx context.Context, program string, seed, n uint64, atOnce int, tell func(*sequence, error)) uint64 {
	var mu sync.Mutex
	var next, failed atomic.Uint64
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for i := next.Add(1); i <= n && ctx.Err() == nil; i = next.Add(1) {
				s := newSequence(seed + i - 1)
				err := s.compare(ctx, program)
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					failed.Add(1)
				}
				mu.Lock()
				tell(s, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return failed.Load()
}
