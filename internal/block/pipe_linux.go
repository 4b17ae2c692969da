package block

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Pipe carries pages of a file to a socket without a copy in user space. It holds references to the file's pages,
// not copies: until the client has received them, a later write to the file shows through.
type Pipe struct {
	r, w int
	n    int // bytes waiting
}

const (
	pipeSize = 1 << 20 // bytes; fs.pipe-max-size allows it to everybody
	pipeMax  = 48      // a process; an ordinary user may have 64 of this size (fs.pipe-user-pages-soft)
)

var pipes struct {
	sync.Mutex
	idle []*Pipe
	made int
}

// getPipe returns an empty pipe, or nil where none can be had: the caller then copies.
func getPipe() *Pipe {
	pipes.Lock()
	defer pipes.Unlock()
	if last := len(pipes.idle) - 1; last >= 0 {
		p := pipes.idle[last]
		pipes.idle = pipes.idle[:last]
		return p
	}
	if pipes.made == pipeMax {
		return nil
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	p := &Pipe{r: fds[0], w: fds[1]}
	if size, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, pipeSize); err != nil || size < pipeSize {
		p.close()
		return nil
	}
	pipes.made++
	return p
}

func (p *Pipe) close() {
	unix.Close(p.r)
	unix.Close(p.w)
}

// Put gives the pipe back; one that still holds bytes is closed instead.
func (p *Pipe) Put() {
	pipes.Lock()
	defer pipes.Unlock()
	if p.n > 0 {
		p.close()
		pipes.made--
		return
	}
	pipes.idle = append(pipes.idle, p)
}

// fill moves up to n bytes of f from off into the empty pipe. It returns 0 and no error where f cannot be spliced.
func (p *Pipe) fill(f *os.File, off int64, n uint64) (uint64, error) {
	want := int(min(n, pipeSize))
	for p.n < want {
		got, err := unix.Splice(int(f.Fd()), &off, p.w, nil, want-p.n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN || err == unix.EINVAL && p.n == 0 || got == 0 && err == nil {
			break // full; or not to be spliced; or the end, which the caller's read will find
		}
		if err != nil {
			return 0, &os.PathError{Op: "read", Path: f.Name(), Err: err}
		}
		p.n += int(got)
	}
	return uint64(p.n), nil
}

// SpliceTo moves waiting bytes to the socket fd, and returns how many went. Whether and how long it waits for a socket that
// is full is the socket's affair; then it returns EAGAIN.
func (p *Pipe) SpliceTo(fd int, more bool) (int, error) {
	flags := unix.SPLICE_F_MOVE | unix.SPLICE_F_NONBLOCK
	if more {
		flags |= unix.SPLICE_F_MORE
	}
	for {
		n, err := unix.Splice(p.r, nil, fd, nil, p.n, flags)
		if err == unix.EINTR {
			continue
		}
		n = max(n, 0) // -1 beside an error
		p.n -= int(n)
		return int(n), err
	}
}

// Waiting is how many bytes are still in the pipe.
func (p *Pipe) Waiting() int { return p.n }
