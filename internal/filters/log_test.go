package filters

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/nbdtui/internal/block"
)

// lines are a log's, without the times.
func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stamp := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} `)
	var list []string
	for line := range strings.Lines(string(b)) {
		if !stamp.MatchString(line) {
			t.Errorf("%q has no time", line)
		}
		list = append(list, strings.TrimSpace(stamp.ReplaceAllString(line, "")))
	}
	return list
}

func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, appended := range []string{"false", "true", "false"} {
		before := 0
		if appended == "true" {
			before = len(lines(t, path))
		}
		s := over(t, "log", "logfile="+path, "logappend="+appended)
		d, err := s.Try(t.Context(), block.OpenRequest{Name: "a \"b\"\n"})
		if err != nil {
			t.Fatal(err)
		}
		if err := do(t.Context(), d, block.WriteZeroes, block.MayTrim); err != nil {
			t.Error(err)
		}
		s.Probe.Fail.Store(true)
		if do(t.Context(), d, block.Read, 0) == nil {
			t.Error("no error")
		}
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
		want := []string{
			"Ready thread_model=3",
			`connection=1 Connect export="a \"b\" " tls=0 size=0x100000 minsize=0x0 prefsize=0x0 maxsize=0x0 write=1 flush=1 ` +
				`rotational=0 trim=1 zero=2 fua=2 extents=1 cache=2 fast_zero=1`,
			"connection=1 Zero id=1 offset=0x0 count=0x1000 trim=1 fua=0 fast=0 ...",
			"connection=1 ...Zero id=1 return=0",
			"connection=1 Read id=2 offset=0x0 count=0x1000 ...",
			"connection=1 ...Read id=2 return=-1 error=EIO",
			"connection=1 Disconnect transactions=2",
		}
		if got := lines(t, path)[before:]; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestLogScript(t *testing.T) {
	path := filepath.Join(t.TempDir(), "said")
	t.Setenv("out", path)
	s := over(t, "log", `logscript=echo "$connection $type $id $act $offset $count $return $error $extents" >>"$out"; test "$act" != Flush || { echo seen; exit 3; }`)
	d, err := s.Try(t.Context(), block.OpenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []block.Cmd{block.Read, block.BlockStatus, block.Flush} {
		if err := do(t.Context(), d, cmd, 0); err != nil {
			t.Errorf("%v: %v", cmd, err)
		}
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	want := ` PRINT  Ready     |1 PRINT  Connect     1|1 ENTER 1 Read 0x0 0x1000   |1 LEAVE 1 Read   0  |` +
		`1 ENTER 2 Extents 0x0 0x1000   |1 LEAVE 2 Extents   0  0x0 0x1000 "hole,zero"|1 ENTER 3 Flush     |1 LEAVE 3 Flush   0  |1 PRINT  Disconnect     |`
	got, _ := os.ReadFile(path)
	if string(got) != strings.ReplaceAll(want, "|", "\n") {
		t.Errorf("the script saw\n%s", got)
	}
	if e := <-s.Events; !strings.Contains(e, "seen") {
		t.Errorf("the event is %q", e)
	}
}

// A script that hangs ends with its client, and so does all that it started.
func TestLogScriptEndsWithTheClient(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "started")
	t.Setenv("out", fifo)
	s := over(t, "log", `logscript=if [ "$act$type" = ReadENTER ]; then echo on >"$out"; sleep 3600 & wait; fi`)
	d := s.Open(t, block.OpenRequest{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
			if _, err := os.Stat(fifo); err == nil {
				return
			}
		}
	}()
	start := time.Now()
	do(ctx, d, block.Read, 0)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the request took %v", took)
	}
}

func TestLogDoesNothingUnasked(t *testing.T) {
	d := over(t, "log").Open(t, block.OpenRequest{})
	if err := do(t.Context(), d, block.Read, 0); err != nil {
		t.Error(err)
	}
	r, _ := block.Lookup(block.Filter, "log")
	builder := r.New()
	p, _ := builder.Table().Lookup("logfile")
	if err := p.Apply(filepath.Join(t.TempDir(), "none", "log")); err != nil {
		t.Fatal(err)
	}
	if _, err := builder.Build(block.Host{}); err == nil {
		t.Error("a log in a directory that is not there is taken")
	}
}
