package recording

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/captive"
	"example.com/nbdtui/internal/session"
)

// source shows what it is told to.
type source struct {
	mu   sync.Mutex
	now  moment
	done chan struct{}
}

func (s *source) Snapshot() session.Snapshot { s.mu.Lock(); defer s.mu.Unlock(); return s.now.snapshot }
func (s *source) Screen() captive.Screen     { s.mu.Lock(); defer s.mu.Unlock(); return s.now.screen }
func (s *source) Map(_, _ uint64, n int) []block.Stretch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.stretch
}
func (s *source) Done() <-chan struct{} { return s.done }

func (s *source) Page(from uint64, n int) captive.Page { return pageOf(from, n) }

// pageOf has a line for every number.
func pageOf(from uint64, n int) captive.Page {
	p := captive.Page{First: from}
	for i := range n {
		p.Lines = append(p.Lines, fmt.Sprint("line ", from+uint64(i)))
	}
	return p
}

func (s *source) set(m moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = m
}

// moments are a short session, a second between them.
func moments() (list []moment) {
	began := time.Now()
	stretch := make([]block.Stretch, cells)
	var events []session.Event
	for i := range 8 {
		stretch = append([]block.Stretch(nil), stretch...)
		stretch[i*10] = block.Stretch{Read: uint64(i + 1)}
		events = append(events[:len(events):len(events)], session.Event{Seq: uint64(i + 1), Time: began, Text: fmt.Sprint("event ", i)})
		m := moment{stretch: stretch}
		m.snapshot = session.Snapshot{
			Time: began.Add(time.Duration(i) * time.Second).Round(0), Started: began.Round(0), State: session.State(i % 4), Size: 1 << 30,
			Source: "disk <&>", InFlight: i, Events: events, Child: &session.Child{Command: "cmd", Pid: 1},
			Clients: []session.Client{{ID: 1, Peer: "unix", Pending: []block.Pending{{Cmd: block.Trim, Age: time.Duration(i)}}}},
		}
		for j := range m.snapshot.Events {
			m.snapshot.Events[j].Time = began.Round(0)
		}
		m.snapshot.Totals[block.Read].Bytes = uint64(i)
		m.screen = captive.Screen{Width: 10, Height: 2 + i%3, Lines: make([]string, 2+i%3), Above: uint64(i), Version: uint64(i + 1)}
		m.screen.Lines[1] = fmt.Sprintf("\x1b[31m%d\x1b[m <ü>", i)
		list = append(list, m)
	}
	return list
}

// record lets a source show moments, and returns what was written.
func record(t *testing.T, list []moment) []byte {
	t.Helper()
	s := &source{done: make(chan struct{}), now: list[0]}
	var file bytes.Buffer
	result := make(chan error, 1)
	go func() { result <- Record(&file, s) }()
	time.Sleep(period / 2) // change while nobody looks: a look takes the snapshot and the screen one after the other
	for _, m := range list {
		s.set(m)
		time.Sleep(time.Second) // of the bubble
	}
	close(s.done)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// What is played is what was recorded, at its time.
func TestARecordingIsPlayed(t *testing.T) {
	for _, speed := range []float64{1, 4, 0.5} {
		synctest.Test(t, func(t *testing.T) {
			want := moments()
			p, err := Play(bytes.NewReader(record(t, want)), speed)
			if err != nil {
				t.Fatal(err)
			}
			second := time.Duration(float64(time.Second) / speed)
			time.Sleep(second / 10)
			for i, m := range want {
				if got := p.Snapshot(); i < len(want)-1 && !cmp.Equal(m.snapshot, got) {
					t.Fatalf("at speed %v moment %d is (-want +got)\n%s", speed, i, cmp.Diff(m.snapshot, got))
				}
				if got := p.Screen(); !cmp.Equal(m.screen, got) {
					t.Fatalf("moment %d is (-want +got)\n%s", i, cmp.Diff(m.screen, got))
				}
				all := append(pageOf(0, i).Lines, m.screen.Lines...)
				if got := p.Page(0, 1000); got.First != 0 || !cmp.Equal(all, got.Lines) {
					t.Fatalf("at moment %d the child had printed (-want +got)\n%s", i, cmp.Diff(all, got.Lines))
				}
				if got := p.Page(2, 1); i > 2 && (got.First != 2 || !cmp.Equal(got.Lines, []string{"line 2"})) {
					t.Fatalf("one line of it: %+v", got)
				}
				if got := p.Map(0, 1<<30, cells); !cmp.Equal(m.stretch, got) {
					t.Fatalf("moment %d has another map", i)
				}
				time.Sleep(second)
			}
			last := p.Snapshot().Events
			if e := last[len(last)-1]; e.Text != "the recording ends here" || e.Seq != 9 || e.Level != session.Info {
				t.Errorf("at the end: %+v", e)
			}
			p.Shutdown(0, "")
			p.Shutdown(0, "")
			<-p.Done()
		})
	}
}

// A child that prints without end does not fill the disk: where lines are missing, none before them can be seen. Another
// run begins anew.
func TestAFloodIsRecordedInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := moments()[:5]
		for i, above := range []uint64{10, 20, 20 + maxLeft + 1, 20 + maxLeft + 5, 25 + 2*maxLeft} {
			list[i].screen.Above, list[i].screen.Run = above, 1+i/4
		}
		p, err := Play(bytes.NewReader(record(t, list)), 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 10)
		for i, oldest := range []uint64{0, 0, 21, 21, 25 + maxLeft} {
			if got := p.Page(0, 1); got.First != oldest || got.Lines[0] != fmt.Sprint("line ", oldest) || p.Screen().Oldest != oldest {
				t.Errorf("at moment %d there is %+v, want line %d", i, got, oldest)
			}
			time.Sleep(time.Second)
		}
		p.Shutdown(0, "")
		<-p.Done()
	})
}

func TestStoppingAPlayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := Play(bytes.NewReader(record(t, moments())), 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		p.Pause()
		time.Sleep(time.Hour)
		if got := p.Snapshot().InFlight; got != 2 {
			t.Errorf("while it is stopped moment %d is shown", got)
		}
		p.Resume()
		time.Sleep(400 * time.Millisecond)
		if got := p.Snapshot().InFlight; got != 2 {
			t.Errorf("moment %d is shown too early", got)
		}
		time.Sleep(200 * time.Millisecond)
		if got := p.Snapshot().InFlight; got != 3 {
			t.Errorf("moment %d is shown late", got)
		}
		p.Pause()
		p.Shutdown(0, "")
		<-p.Done()
	})
}

// Only what changes is written: a session that does nothing takes little.
func TestARecordingIsSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := moments()[:1]
		for i := range 60 {
			m := list[0]
			m.snapshot.Time = m.snapshot.Time.Add(time.Duration(i) * time.Second)
			list = append(list, m)
		}
		file := record(t, list)
		if lines := bytes.Count(file, []byte("\n")); lines > 64 || len(file) > 12<<10 {
			t.Errorf("a minute of nothing takes %d lines, %d bytes", lines, len(file))
		}
	})
}

// full is a disk with room for some bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if *f -= full(len(p)); *f < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

func TestAFullDiskEndsTheRecording(t *testing.T) {
	for _, room := range []full{0, 10, 3000} {
		synctest.Test(t, func(t *testing.T) {
			s := &source{done: make(chan struct{})}
			result := make(chan error, 1)
			go func() { result <- Record(&room, s) }()
			for _, m := range moments() {
				s.set(m)
				time.Sleep(time.Second)
			}
			if err := <-result; err == nil || !strings.Contains(err.Error(), "no space left") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// What a crash, or somebody else, made of a recording is played as far as it goes.
func TestDamagedRecordings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := record(t, moments())
		for name, c := range map[string]struct {
			file  []byte
			event string // "" where it cannot be played at all
		}{
			"empty":         {nil, ""},
			"another file":  {[]byte("hello\n"), ""},
			"other JSON":    {[]byte("{}\n{}\n"), ""},
			"a newer one":   {[]byte(`{"Recording":"nbdtui","Version":99}` + "\n{}\n"), ""},
			"no moment":     {[]byte(`{"Recording":"nbdtui","Version":1}` + "\n"), ""},
			"cut off":       {whole[:len(whole)-30], "read the recording"},
			"a wild row":    {append(bytes.Clone(whole), `{"Screen":{"Height":3},"Rows":{"7":"x"}}`...), "there is no number 7"},
			"a huge screen": {append(bytes.Clone(whole), `{"Screen":{"Height":99999999}}`...), "too much"},
			"a wild state":  {append(bytes.Clone(whole), `{"Snapshot":{"State":"asleep"}}`...), "asleep"},
		} {
			p, err := Play(bytes.NewReader(c.file), 100)
			if (err == nil) != (c.event != "") {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil {
				continue
			}
			time.Sleep(time.Minute)
			events := p.Snapshot().Events
			if e := events[len(events)-1]; !strings.Contains(e.Text, c.event) || e.Level != session.Warning {
				t.Errorf("%s: the last event is %+v", name, e)
			}
			p.Shutdown(0, "")
			<-p.Done()
		}
	})
}

func TestTheMapOfARecordingInOtherCells(t *testing.T) {
	p := &Player{now: moments()[7]}
	for i := range p.now.stretch {
		p.now.stretch[i].Bytes = 1 << 30 / cells
	}
	if got := p.Map(0, 1<<30, 1); len(got) != 1 || got[0].Bytes != 1<<30 || got[0].Read != 1+2+3+4+5+6+7+8 {
		t.Errorf("in one cell: %+v", got)
	}
	if got := p.Map(1<<29, 1<<29, 4); len(got) != 4 || got[0].Read != 0 {
		t.Errorf("the second half: %+v", got)
	}
	if got := p.Map(0, 1<<19, 3); len(got) != 3 || got[2].Read != 1 { // smaller cells than were recorded
		t.Errorf("the first cell: %+v", got)
	}
	if got := p.Map(1<<40, 5, 5); got != nil {
		t.Errorf("beyond the end: %+v", got)
	}
}
