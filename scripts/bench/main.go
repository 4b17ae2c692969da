// Command bench measures nbdtui beside other NBD servers: the same clients, the same page-cached file and a Unix
// socket, one server after the other in rotating order. What it may and may not do is told in docs/benchmarks.md,
// into which it writes its tables.
//
//	bench -rounds 15                  everything, into docs/benchmarks.md
//	bench -rounds 3 -only '4 KiB'     some workloads, on the screen alone
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// enoughRounds is how many a run needs to go into the documentation.
const enoughRounds = 15

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	rounds := flag.Int("rounds", enoughRounds, "how often everything is measured")
	only := flag.String("only", "", "a regular expression: the workloads to run")
	docs := flag.String("docs", "docs/benchmarks.md", "where the tables of a whole run go")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *rounds, *only, *docs); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, rounds int, only, docs string) error {
	choice, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("choose workloads: %w", err)
	}
	var chosen []workload
	for _, w := range workloads {
		if choice.MatchString(w.name) {
			chosen = append(chosen, w)
		}
	}
	if len(chosen) == 0 || rounds < 1 {
		return fmt.Errorf("%d rounds of %d workloads measure nothing", rounds, len(chosen))
	}
	for _, program := range []string{"bin/nbdtui", "nbdkit", "qemu-nbd", "nbdcopy", "fio"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not here: make build makes nbdtui, make peers installs the others or says how", program)
		}
	}
	where := describe()
	b, err := newBench(chosen)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.verify(ctx); err != nil {
		return err
	}
	begin := time.Now()
	for round := range rounds {
		if err := b.round(ctx, round); err != nil {
			return err
		}
		spent := time.Since(begin).Round(time.Second)
		left := spent / time.Duration(round+1) * time.Duration(rounds-round-1)
		log.Printf("round %d of %d, %v, about %v left", round+1, rounds, spent, left.Round(time.Second))
	}
	text := fmt.Sprintf("`make bench ROUNDS=%d`, %v.\n\n%s\n%s", rounds, time.Since(begin).Round(time.Second), where, b.tables())
	fmt.Print(text)
	if rounds < enoughRounds || only != "" {
		log.Printf("fewer than %d rounds, or not every workload: %s stays as it is", enoughRounds, docs)
		return nil
	}
	old, err := os.ReadFile(docs)
	if err != nil {
		return fmt.Errorf("open the documentation: %w", err)
	}
	page, err := fillIn(string(old), text)
	if err != nil {
		return fmt.Errorf("fill in %s: %w", docs, err)
	}
	return os.WriteFile(docs, []byte(page), 0o644)
}
