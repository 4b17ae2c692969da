package nbd

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watch tells connections that their client is gone, without reading from them: a client may vanish while its
// requests are held and nobody reads. One epoll instance watches all sockets, and is itself watched by Go's poller,
// so that no thread waits. The zero value is ready.
type watch struct {
	once sync.Once
	file *os.File      // nil where there is no descriptor to be had: nothing is watched then
	done chan struct{} // run has ended
	mu   sync.Mutex
	ids  map[uint64]*conn
}

func (w *watch) open() {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return
	}
	unix.SetNonblock(fd, true) // what os.NewFile looks at
	w.file, w.done, w.ids = os.NewFile(uintptr(fd), "epoll"), make(chan struct{}), map[uint64]*conn{}
	go w.run() // until close
}

// add watches a connection's socket, if it is one.
func (w *watch) add(c *conn) {
	if c.raw == nil {
		return
	}
	if w.once.Do(w.open); w.file == nil {
		return
	}
	w.mu.Lock()
	w.ids[c.id] = c
	w.mu.Unlock()
	// A Unix socket that is shut down for writing only may still read its replies. On TCP that looks like a close.
	events := uint32(unix.EPOLLET | unix.EPOLLHUP | unix.EPOLLERR)
	if !c.unix {
		events |= unix.EPOLLRDHUP
	}
	w.control(c, unix.EPOLL_CTL_ADD, &unix.EpollEvent{Events: events, Fd: int32(c.id), Pad: int32(c.id >> 32)})
}

// remove ends the watch. The socket is still open.
func (w *watch) remove(c *conn) {
	if c.raw == nil || w.file == nil {
		return
	}
	w.control(c, unix.EPOLL_CTL_DEL, &unix.EpollEvent{})
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ids, c.id)
}

func (w *watch) control(c *conn, op int, e *unix.EpollEvent) {
	c.raw.Control(func(fd uintptr) {
		if raw, err := w.file.SyscallConn(); err == nil {
			raw.Control(func(epoll uintptr) { unix.EpollCtl(int(epoll), op, int(fd), e) })
		}
	})
}

// run waits for clients to go, until close.
func (w *watch) run() {
	defer close(w.done)
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 16)
	raw.Read(func(epoll uintptr) bool {
		for {
			n, err := unix.EpollWait(int(epoll), events, 0)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return false // wait for more
			}
			for _, e := range events[:n] {
				w.tell(uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32)
			}
		}
	})
}

func (w *watch) tell(id uint64) {
	w.mu.Lock()
	c := w.ids[id]
	w.mu.Unlock()
	if c != nil {
		c.gone()
	}
}

// close ends the watch, and one that has not begun never will.
func (w *watch) close() {
	if w.once.Do(func() {}); w.file != nil {
		w.file.Close()
		<-w.done
	}
}
