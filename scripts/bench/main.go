// Command bench measures nbdtui beside other NBD servers: the same clients, the same page-cached file and a Unix
// socket, one server after the other in rotating order. What it may and may not do is told in docs/benchmarks.md,
// into which it writes its tables.
//
//	bench -rounds 15                      the main group, into docs/benchmarks.md
//	bench -rounds 15 -only '^(tcp|tls):'  other groups
//	bench -rounds 3 -only '4 KiB'         some workloads, on the screen alone
//	bench -count                          system calls, memory of idle and stalled clients
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
	"slices"
	"syscall"
	"time"
)

// enoughRounds is how many a run needs to go into the documentation.
const enoughRounds = 15

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	rounds := flag.Int("rounds", enoughRounds, "how often everything is measured")
	only := flag.String("only", "", "a regular expression of GROUP: WORKLOAD: what to run")
	counting := flag.Bool("count", false, "count system calls instead")
	docs := flag.String("docs", "docs/benchmarks.md", "where the tables of a whole run go")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	work := func() error { return run(ctx, *rounds, *only, *docs) }
	if *counting {
		work = func() error { return count(ctx) }
	}
	if err := work(); err != nil {
		log.Fatal(err)
	}
}

// choose returns the workloads whose group and name match, and the groups that are whole: the main one where nothing
// is said.
func choose(only string) (chosen []workload, whole []string, err error) {
	if only == "" {
		only = "^" + mainGroup + ":"
	}
	choice, err := regexp.Compile(only)
	if err != nil {
		return nil, nil, fmt.Errorf("choose workloads: %w", err)
	}
	missing := map[string]bool{}
	for _, w := range workloads {
		if choice.MatchString(w.group + ": " + w.name) {
			chosen = append(chosen, w)
		} else {
			missing[w.group] = true
		}
	}
	for _, g := range groups {
		if !missing[g] {
			whole = append(whole, g)
		}
	}
	return chosen, whole, nil
}

func run(ctx context.Context, rounds int, only, docs string) error {
	chosen, whole, err := choose(only)
	if err != nil {
		return err
	}
	if len(chosen) == 0 || rounds < 1 {
		return fmt.Errorf("%d rounds of %d workloads measure nothing", rounds, len(chosen))
	}
	if err := need("bin/nbdtui", "nbdkit", "qemu-nbd", "qemu-img", "nbd-server", "nbdcopy", "fio"); err != nil {
		return err
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
	head := fmt.Sprintf("%s%s\n\n%d rounds, %v in all.\n\n%s", runMark, begin.UTC().Format("2006-01-02 15:04 UTC"),
		rounds, time.Since(begin).Round(time.Second), where)
	fmt.Println(head)
	page, err := os.ReadFile(docs)
	if err != nil {
		return fmt.Errorf("open the documentation: %w", err)
	}
	for _, g := range groups {
		text := b.tables(g)
		if text == "" {
			continue
		}
		fmt.Println(text)
		if rounds < enoughRounds || !slices.Contains(whole, g) {
			log.Printf("fewer than %d rounds, or not all of %s: its part of %s stays as it is", enoughRounds, g, docs)
			continue
		}
		if page, err = fillIn(page, g, head+"\n"+text); err != nil {
			return fmt.Errorf("fill in %s: %w", docs, err)
		}
	}
	return os.WriteFile(docs, page, 0o644)
}

// need wants programs to be there.
func need(programs ...string) error {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not here: make build makes nbdtui, make peers installs the others or says how", program)
		}
	}
	return nil
}
