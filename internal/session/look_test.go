package session

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
)

// A Snapshot is written whole, and read back the same.
func TestASnapshotIsSaved(t *testing.T) {
	t.Chdir(t.TempDir())
	n := Snapshot{
		Time: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), State: Pausing, InFlight: 1,
		Clients: []Client{{ID: 1, State: Leaving, Pending: []block.Pending{{Cmd: block.WriteZeroes, Offset: 5, Length: 7, Held: true, Age: 9}}}},
		Events:  []Event{{Seq: 1, Level: Failure, Text: "boo"}},
	}
	n.Totals[block.Trim] = block.OpCount{Requests: 3, Bytes: 4, Errors: 5}
	n.Whole.Spread[block.Read] = block.Spread{0, 0, 8}
	n.Whole.Took[block.Read].P99 = time.Second
	for _, want := range []string{"nbdtui-20260304-120000.json", "nbdtui-20260304-120000-2.json"} {
		name, err := save(&n)
		if err != nil || name != want {
			t.Fatalf("written to %q, %v; want %q", name, err, want)
		}
	}
	text, err := os.ReadFile("nbdtui-20260304-120000-2.json")
	if err != nil {
		t.Fatal(err)
	}
	var back Snapshot
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, n) {
		t.Errorf("read back %+v\nwant %+v", back, n)
	}
	for _, word := range []string{`"pausing"`, `"leaving"`, `"failure"`, `"write-zeroes"`, `"trim": {`} {
		if !strings.Contains(string(text), word) {
			t.Errorf("no %s in %s", word, text)
		}
	}
	for _, bad := range []string{`{"State": "x"}`, `{"Totals": {"x": {}}}`, `{"Clients": [{"State": "x"}]}`, `{"Totals": 1}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was read without an error", bad)
		}
	}
}

func TestSaveTellsTheFilesName(t *testing.T) {
	s := start(t, Config{Watched: true}, "memory", nil, "1M")
	dir := t.TempDir()
	t.Chdir(dir)
	s.Save()
	told := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(s.Snapshot().Events, func(e Event) bool { return strings.Contains(e.Text, text) })
		}
	}
	until(t, s, told("snapshot written to nbdtui-"))
	if files, _ := os.ReadDir("."); len(files) != 1 {
		t.Errorf("the directory has %v", files)
	}
	gone := t.TempDir() + "/gone"
	os.Mkdir(gone, 0o700)
	t.Chdir(gone)
	os.Remove(gone)
	s.Save()
	until(t, s, told("write the snapshot: open"))
}

// until waits for Snapshots until one is as wanted.
func until(t *testing.T, s *Session, ok func() bool) {
	t.Helper()
	for late := time.After(patience); !ok(); {
		select {
		case <-s.Changed():
		case <-late:
			t.Fatalf("it never happened; events: %+v", s.Snapshot().Events)
		}
	}
}
