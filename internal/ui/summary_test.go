package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

func TestSummary(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Setenv("NO_COLOR", "")
	s := with(func(s *session.Snapshot) {
		s.State, s.Pauses, s.PausedFor = session.Ended, 2, 12340*time.Millisecond
		s.Child.Run = 2
		s.Child.Ended, s.Child.Status = s.Time, captive.Status{Code: 3}
		s.Totals[block.Flush] = block.OpCount{Requests: 1, Errors: 1}
	})
	want := "\x1b[31mlast\x1b[m\nwords\n" + `nbdtui: big.iso, 00:51
  child          exited 3 in run 2: qemu-img convert -p $nbd out
  coverage       43.1%, 19.0/44.0 GiB
  paused         2 times, 00:12 in all
  clients        2
  errors         1
               requests     bytes     average        peak    p50    p99    max
  read           71,234  19.0 GiB 503.3 MiB/s 640.0 MiB/s 224 µs 4.6 ms  1.2 s
  flush               1         -           -           -      -      -      -
  block-status       12         -           -           -  14 µs  20 µs  20 µs
`
	if diff := cmp.Diff(want, Summary(s, []string{"\x1b[31mlast\x1b[m", "words"}, 80, Options{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	narrow := `               requests     bytes    p99
  read           71,234  19.0 GiB 4.6 ms
  flush               1         -      -
  block-status       12         -  20 µs
`
	if got := Summary(s, nil, 40, Options{}); !strings.HasSuffix(got, "\n"+narrow) {
		t.Errorf("on 40 columns:\n%s\nwant at its end\n%s", got, narrow)
	}
	s = session.Snapshot{Time: noon, Started: noon, Source: "memory"}
	if diff := cmp.Diff("nbdtui: memory, 00:00\n  paused         never\n  clients        0\n  errors         0\n", Summary(s, nil, 80, Options{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
