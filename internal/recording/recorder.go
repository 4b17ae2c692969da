package recording

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// period is how often something is written, if anything has changed.
const period = 100 * time.Millisecond

// Source is what is recorded.
type Source interface {
	Snapshot() session.Snapshot
	Screen() captive.Screen
	Page(from uint64, n int) captive.Page
	Map(off, n uint64, cells int) []block.Stretch
	Done() <-chan struct{}
}

// Record writes what s shows to w until s is done, and once more then. It looks at s as a dashboard does, from outside:
// a slow disk loses moments of the recording, and slows nothing else. An error ends the recording alone.
func Record(w io.Writer, s Source) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	out := bufio.NewWriterSize(w, 64<<10)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(header{kind, version}); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	var last moment
	fields := map[string]json.RawMessage{}
	for over := false; ; {
		m := moment{snapshot: s.Snapshot(), screen: s.Screen()}
		m.stretch = s.Map(0, m.snapshot.Size, cells)
		if over || !m.snapshot.Same(&last.snapshot) || m.screen.Version != last.screen.Version {
			l, err := delta(&last, &m, fields)
			l.Left = left(s, &last.screen, &m.screen)
			if err == nil {
				err = lines.Encode(&l)
			}
			if err == nil {
				err = out.Flush() // what happens before a crash is worth the most
			}
			if err != nil {
				return fmt.Errorf("write the recording: %w", err)
			}
			last = m
		}
		if over {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.Done():
			over = true
		}
	}
}

// left is the newest lines that have left the child's screen between two looks at it.
func left(s Source, last, now *captive.Screen) []string {
	from := last.Above
	if now.Run != last.Run {
		from = 0
	}
	if now.Above <= from {
		return nil
	}
	from = max(from, now.Above-min(now.Above, maxLeft))
	p := s.Page(from, int(now.Above-from))
	return p.Lines[:min(uint64(len(p.Lines)), now.Above-min(p.First, now.Above))]
}
