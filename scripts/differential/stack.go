package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// stack is a command line that both programs understand.
type stack struct {
	plugin  string
	filters []string // outermost first
	words   []string // key=value, in any order; DIR stands for a directory that each program has for itself
	flags   []string

	size     uint64 // of what the plugin serves
	archive  bool   // it is a tar archive
	exits    bool   // the server ends with its client
	injected bool   // DIR/inject makes errors appear
	log      bool   // DIR/log is written
	slow     bool   // requests that fail take a second
}

// filterWords are the filters that both have, with words for each. Left out: readonly, which nbdkit 1.32 has not; the
// same filter twice, whose parameters nbdkit puts together; and what would wait for long.
var filterWords = map[string]func(r *rand.Rand, s *stack) []string{
	"delay": func(r *rand.Rand, _ *stack) []string {
		return some(r, "rdelay=1ms", "wdelay=1ms", "delay-zero=1ms", "delay-trim=0", "delay-extents=1ms", "delay-cache=1ms",
			"delay-open=1ms", "delay-close=1ms", "delay-fast-zero=false")
	},
	"error": func(r *rand.Rand, s *stack) []string {
		var words []string
		errno := func() string { return pick(r, "EPERM", "EIO", "ENOMEM", "EINVAL", "ENOSPC", "ESHUTDOWN") }
		for _, kind := range []string{"", "-pread", "-pwrite", "-trim", "-zero", "-extents", "-cache"} {
			if r.IntN(3) == 0 {
				words = append(words, "error"+kind+"="+errno())
			}
			if r.IntN(4) == 0 {
				words = append(words, "error"+kind+"-rate="+pick(r, "0", "100%", "1", "0%", "1.0"))
			}
			if r.IntN(4) == 0 {
				words = append(words, "error"+kind+"-file=DIR/inject")
				s.injected = true
			}
		}
		return words // in the order given: a later general one overrules an earlier one
	},
	"exitlast": func(_ *rand.Rand, s *stack) []string { s.exits = true; return nil },
	"exitwhen": func(r *rand.Rand, _ *stack) []string {
		return some(r, "exit-when-file-created=DIR/none", "exit-when-poll=1", "exit-when-script=exit 0")
	},
	"ip": func(r *rand.Rand, _ *stack) []string {
		return some(r, pick(r, "allow=anyunix", "allow=any", "allow=allunix,all"), pick(r, "deny=anyvsock", "deny=anyipv4,anyipv6"))
	},
	"limit": func(r *rand.Rand, _ *stack) []string { return some(r, pick(r, "limit=0", "limit=1", "limit=0x10")) },
	"log": func(_ *rand.Rand, s *stack) []string {
		s.log = true
		return []string{"logfile=DIR/log"}
	},
	"pause": func(*rand.Rand, *stack) []string { return []string{"pause-control=DIR/pause"} },
	"rate": func(r *rand.Rand, _ *stack) []string {
		return some(r, "rate=1T", "connection-rate=1T", "burstiness=1.5", "rate-file=DIR/none")
	},
	"retry": func(r *rand.Rand, s *stack) []string {
		words := some(r, "retry-exponential=no", "retry-readonly=yes")
		return append(words, "retry-delay=1", fmt.Sprintf("retries=%d", s.tries(r)))
	},
	"retry-request": func(r *rand.Rand, s *stack) []string {
		words := some(r, "retry-request-open=false")
		return append(words, "retry-request-delay=1", fmt.Sprintf("retry-request-retries=%d", s.tries(r)))
	},
	"tar": func(r *rand.Rand, s *stack) []string {
		s.archive = true
		return append(some(r, "tar=tar"), "tar-entry="+pick(r, "disk", "disk", "disk", "first", "none"))
	},
}

// tries is how often a request is made again: seldom at all, since nbdkit waits for a second at least.
func (s *stack) tries(r *rand.Rand) int {
	if r.IntN(10) > 0 {
		return 0
	}
	s.slow = true
	return 1
}

// some takes a few of the words, in any order.
func some(r *rand.Rand, words ...string) []string {
	r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return words[:r.IntN(len(words)+1)]
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// newStack makes up a stack of no filter to three.
func newStack(r *rand.Rand) *stack {
	s := &stack{size: 1 + r.Uint64N(3<<20)}
	if r.IntN(2) == 0 {
		s.size &^= 511
	}
	var names []string
	for name := range filterWords {
		names = append(names, name)
	}
	slices.Sort(names)
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	s.filters = names[:r.IntN(4)]
	var groups [][]string
	for _, name := range s.filters {
		groups = append(groups, filterWords[name](r, s))
	}
	s.plugin = pick(r, "memory", "memory", "file", "file", "file", "null", "eval")
	if s.archive {
		s.plugin = "file" // which can hold an archive
	}
	switch s.plugin {
	case "eval":
		groups = append(groups, append(s.script(r), fmt.Sprintf("get_size=echo %d", s.size)))
	case "file":
		groups = append(groups, []string{pick(r, "", "file=") + "DIR/disk"}, some(r, "fadvise=sequential", "cache=none"))
	default:
		groups = append(groups, []string{fmt.Sprintf("%s%d", pick(r, "", "size="), s.size)})
	}
	// The words of one filter stay in order, those of several are mixed.
	for len(groups) > 0 {
		i := r.IntN(len(groups))
		if len(groups[i]) == 0 {
			groups = slices.Delete(groups, i, i+1)
			continue
		}
		s.words = append(s.words, groups[i][0])
		groups[i] = groups[i][1:]
	}
	if r.IntN(5) == 0 {
		s.flags = append(s.flags, "-r")
	}
	return s
}

// script is a disk made of shell commands, with some of the methods: what is not there must be made up for.
func (s *stack) script(r *rand.Rand) []string {
	s.size = min(s.size, 1<<18)
	const write = "dd of=DIR/disk conv=notrunc oflag=seek_bytes seek=$4 bs=64k status=none"
	words := []string{"pread=dd if=DIR/disk iflag=skip_bytes,count_bytes,fullblock skip=$4 count=$3 bs=64k status=none"}
	return append(words, some(r, "pwrite="+write, "flush=:", "trim=:", "zero=head -c $3 /dev/zero | "+write, "cache=:",
		"can_fua=echo "+pick(r, "none", "emulate", "native"), "can_cache=echo "+pick(r, "none", "emulate", "native"),
		"can_zero=exit "+pick(r, "0", "3"), "can_fast_zero=exit "+pick(r, "0", "3"), "can_multi_conn=exit 0",
		"is_rotational=exit 0", "thread_model=echo "+pick(r, "parallel", "serialize_requests"),
		"extents=echo $4 $3 "+pick(r, "", "hole"))...)
}

// args are the command line, without the program, for one that has dir to itself.
func (s *stack) args(dir string) []string {
	args := append([]string{"-f", "-U", filepath.Join(dir, "socket")}, s.flags...)
	for _, f := range s.filters {
		args = append(args, "--filter="+f)
	}
	args = append(args, s.plugin)
	for _, w := range s.words {
		args = append(args, strings.ReplaceAll(w, "DIR", dir))
	}
	return args
}
