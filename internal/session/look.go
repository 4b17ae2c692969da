package session

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"example.com/nbdtui/internal/block"
)

// What a dashboard asks for besides the Snapshot.

// Map is what is known of n bytes of the export from off on, in so many cells; nil where the export's size is not
// known or the session not Watched.
func (s *Session) Map(off, n uint64, cells int) []block.Stretch {
	if s.coverage == nil {
		return nil
	}
	return s.coverage.Map(off, n, cells)
}

// Save writes a Snapshot as JSON to a new file in the working directory. An event tells its name, or what went wrong.
func (s *Session) Save() {
	select {
	case s.saves <- struct{}{}:
	default: // one is about to be written
	}
}

// saveNow is Save where Snapshots are made: a slow disk stops nothing but them.
func (s *Session) saveNow() {
	n := s.snap(time.Now())
	if name, err := save(&n); err != nil {
		s.warn("write the snapshot: %v", err)
	} else {
		s.info("snapshot written to %s", name)
	}
}

// save finds a name that is free: two snapshots of one second do not replace each other.
func save(n *Snapshot) (name string, err error) {
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return "", err
	}
	stem := "nbdtui-" + n.Time.Format("20060102-150405")
	for i := 1; ; i++ {
		name = stem + ".json"
		if i > 1 {
			name = fmt.Sprintf("%s-%d.json", stem, i)
		}
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if os.IsExist(err) && i < 100 {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(append(text, '\n'))
		if e := f.Close(); err == nil {
			err = e
		}
		return name, err
	}
}
