package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// imageSize is how long the served files are, in bytes. Two of them must fit into memory.
const imageSize = 2 << 30

// bench is one run: the files that are served, and what was measured.
type bench struct {
	dir       string // private; goes with the run
	image     string // what is read
	copy      string // what is written
	workloads []workload
	points    [][][]point // by workload and server, one a round
}

// point is what one round measured of one server at one workload.
type point struct {
	rate float64 // in the workload's unit
	cpu  float64 // µs of server CPU for one operation
}

// newBench makes the files, of data without holes or zeroes that a client could skip.
func newBench(ws []workload) (*bench, error) {
	dir, err := os.MkdirTemp("", "nbdtui-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{
		dir: dir, image: filepath.Join(dir, "image"), copy: filepath.Join(dir, "copy"),
		workloads: ws, points: make([][][]point, len(ws)),
	}
	for i := range b.points {
		b.points[i] = make([][]point, len(servers))
	}
	log.Printf("making two files of %d GiB in %s", imageSize>>30, dir)
	if err := makeImage(b.image); err != nil {
		b.close()
		return nil, fmt.Errorf("make the image: %w", err)
	}
	return b, nil
}

func makeImage(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), imageSize); err != nil {
		return err
	}
	return f.Sync()
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// verify proves, once for each server, that what it is given arrives and that it gives what is there.
func (b *bench) verify(ctx context.Context) error {
	f, err := os.Open(b.image)
	if err != nil {
		return err
	}
	defer f.Close()
	want, err := digest(f)
	if err != nil {
		return err
	}
	for _, s := range servers {
		if err := b.verifyOne(ctx, s, want); err != nil {
			return fmt.Errorf("verify %s: %w", s.name, err)
		}
	}
	log.Print("every server serves and keeps the same bytes")
	return nil
}

func (b *bench) verifyOne(ctx context.Context, s server, want string) error {
	f, err := os.Create(b.copy)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(imageSize); err != nil {
		return err
	}
	p, err := s.start(ctx, b.dir, b.copy, false)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := client(ctx, "nbdcopy", b.image, p.uri()); err != nil {
		return err
	}
	if got, err := digest(f); err != nil || got != want {
		return fmt.Errorf("the file is not what nbdcopy wrote (%v)", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reader := exec.CommandContext(ctx, "nbdcopy", p.uri(), "-")
	reader.WaitDelay = stopTime
	out, err := reader.StdoutPipe()
	if err != nil {
		return err
	}
	if err := reader.Start(); err != nil {
		return err
	}
	got, err := digest(out)
	if ended := reader.Wait(); err != nil || ended != nil || got != want {
		return fmt.Errorf("nbdcopy does not read what is in the file (%v, %v)", err, ended)
	}
	return nil
}

func digest(r io.Reader) (string, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return fmt.Sprintf("%d %x", n, h.Sum(nil)), err
}

// round measures every server at every workload. Who begins changes from workload to workload and round to round.
func (b *bench) round(ctx context.Context, round int) error {
	for i, w := range b.workloads {
		for k := range servers {
			at := (round + i + k) % len(servers)
			p, err := b.measure(ctx, servers[at], w)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", w.name, servers[at].name, err)
			}
			b.points[i][at] = append(b.points[i][at], p)
		}
	}
	return nil
}

// measure lets a client work on a server that was started for it alone.
func (b *bench) measure(ctx context.Context, s server, w workload) (point, error) {
	file := b.image
	if w.writes {
		file = b.copy
		// The write-back of one server's data must not be paid for by the next.
		if err := syncFile(file); err != nil {
			return point{}, err
		}
	}
	p, err := s.start(ctx, b.dir, file, w.dashboard)
	if err != nil {
		return point{}, err
	}
	defer p.stop()
	before, err := cpuTime(p.pid())
	if err != nil {
		return point{}, err
	}
	done, err := w.run(ctx, w, p.uri(), b.image)
	if err != nil {
		return point{}, err
	}
	after, err := cpuTime(p.pid())
	if err != nil {
		return point{}, err
	}
	cpu := float64(after-before) / float64(time.Microsecond)
	return point{done.rate, cpu / done.operations}, nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
