package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/nbdtui/internal/nbd/client"
)

const (
	startTime = 20 * time.Second // for a server to listen
	endTime   = 20 * time.Second // and to end when it should
)

// server is a program that serves on dir/socket.
type server struct {
	dir   string
	cmd   *exec.Cmd
	said  bytes.Buffer  // whole once ended is closed
	ended chan struct{} // closed behind its end
}

func start(program, dir string, args []string) (*server, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	s := &server{dir: dir, cmd: exec.Command(path, args...), ended: make(chan struct{})}
	s.cmd.Stderr = &s.said
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // kill waits for it
		defer close(s.ended)
		s.cmd.Wait()
	}()
	return s, nil
}

// kill ends it and waits, however it is.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.ended
}

// dial opens the export once the server listens.
func (s *server) dial(ctx context.Context) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		c, err := client.Dial(ctx, "nbd+unix:///?socket="+filepath.Join(s.dir, "socket"))
		if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ECONNREFUSED) {
			return c, err
		}
		select {
		case <-s.ended:
			return nil, fmt.Errorf("it ended: %v: %s", s.cmd.ProcessState, s.said.String())
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Millisecond):
		}
	}
}

// inject makes errors appear, or not.
func (s *server) inject(there bool) error {
	path := filepath.Join(s.dir, "inject")
	if there {
		return os.WriteFile(path, nil, 0o600)
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// end waits until both have ended, which they do of themselves or are asked to, and compares what they leave.
func (s *sequence) end(servers pair[*server]) error {
	var status pair[string]
	var left pair[[]byte]
	var logs pair[string]
	for i, srv := range servers {
		if s.log && s.opened { // who is still there when the server stops has its disk flushed, which is logged
			srv.awaitDisconnect()
		}
		if !s.exits {
			srv.cmd.Process.Signal(syscall.SIGTERM)
		}
		select {
		case <-srv.ended:
			status[i] = srv.cmd.ProcessState.String()
		case <-time.After(endTime):
			status[i] = "still running"
		}
		var err error
		if s.plugin == "file" || s.plugin == "eval" {
			if left[i], err = os.ReadFile(filepath.Join(srv.dir, "disk")); err != nil {
				return err
			}
		}
		if s.logsAlike() { // else the search is logged, and each has its own
			text, err := os.ReadFile(filepath.Join(srv.dir, "log"))
			if err != nil {
				return err
			}
			logs[i] = s.normalized(string(text))
		}
	}
	crashed := strings.HasPrefix(status[0], "signal: ") // nbdkit's pause filter may, at its end
	switch {
	case status[0] != status[1] && !(crashed && status[1] == "exit status 0"):
		return fmt.Errorf("nbdkit ended with %s, and nbdtui with %s (%s)", status[0], status[1], strings.TrimSpace(servers[1].said.String()))
	case !bytes.Equal(left[0], left[1]):
		return fmt.Errorf("the files differ: %s", firstDifference(left[0], left[1]))
	case logs[0] != logs[1]:
		return errors.New(otherLine(logs))
	}
	return nil
}

// logsAlike reports whether both log what reaches the log filter. They do not where a tar filter before it searches, each
// in its own way; nor where a script says that it can zero and has no way to, which nbdkit finds out behind all filters
// and nbdtui before them.
func (s *sequence) logsAlike() bool {
	tar := slices.Index(s.filters, "tar")
	return s.log && (tar < 0 || tar > slices.Index(s.filters, "log")) && !slices.Contains(s.words, "can_zero=exit 0")
}

// awaitDisconnect waits until the log says that the client has left.
func (s *server) awaitDisconnect() {
	for deadline := time.Now().Add(endTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(filepath.Join(s.dir, "log")); err == nil && bytes.Contains(text, []byte(" Disconnect ")) {
			return
		}
	}
}

// otherLine tells of the first line that differs.
func otherLine(logs pair[string]) string {
	a, b := strings.Split(logs[0], "\n"), strings.Split(logs[1], "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("nbdkit logs %q, and nbdtui %q", a[i], b[i])
		}
	}
	return fmt.Sprintf("nbdkit logs %d lines, and nbdtui %d", len(a), len(b))
}

// normalized is a log without the times, without the line about a fork, which nbdtui does not make, without the
// extents, which nbdtui cuts where the request ends, and with one farewell: behind its delay filter nbdkit logs two.
func (s *sequence) normalized(log string) string {
	if s.plugin == "file" { // our FUA is a write and then a flush, which nbdkit calls native as well
		log = regexp.MustCompile(` (fua=[12] extents|fast_zero)=[012]`).ReplaceAllString(log, "")
	}
	if slices.Contains(s.filters, "retry") { // ours is parallel
		log = strings.Replace(log, "thread_model=2", "thread_model=3", 1)
	}
	log = regexp.MustCompile(` extents=\(.*\)`).ReplaceAllString(log, "")
	log = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} `).ReplaceAllString(log, "")
	log = regexp.MustCompile(`(?m)(^connection=1 Disconnect .*\n)(connection=1 Disconnect .*\n)*`).ReplaceAllString(log, "$1")
	return strings.Replace(log, "Fork\n", "", 1)
}

// prepare makes a server's directory, and the disk in it: the same one each time.
func (s *sequence) prepare(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if s.plugin != "file" && s.plugin != "eval" {
		return nil
	}
	f, err := os.Create(filepath.Join(dir, "disk"))
	if err != nil {
		return err
	}
	defer f.Close()
	r := rand.New(rand.NewPCG(s.seed, 1))
	if s.archive {
		err = s.writeArchive(f, r)
	} else if err = f.Truncate(int64(s.size)); err == nil {
		for range 4 { // and holes between
			b := noise(r, 1+r.IntN(1<<18))
			if _, err = f.WriteAt(b[:min(uint64(len(b)), s.size)], int64(r.Uint64N(s.size)&^4095)); err != nil {
				return err
			}
		}
		err = f.Truncate(int64(s.size))
	}
	return err
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// writeArchive makes an archive with "first", "disk", and another "disk", which is not served.
func (s *sequence) writeArchive(f *os.File, r *rand.Rand) error {
	format := []tar.Format{tar.FormatUSTAR, tar.FormatGNU, tar.FormatPAX}[r.IntN(3)]
	w := tar.NewWriter(f)
	for _, m := range []struct {
		name string
		size uint64
	}{{"first", 1000}, {"disk", s.size}, {"disk", 10}} {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Size: int64(m.size), Mode: 0o600, Format: format}); err != nil {
			return err
		}
		if _, err := w.Write(noise(r, int(m.size))); err != nil {
			return err
		}
	}
	return w.Close()
}
