package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// sendFile is the limit: the image goes to a reader by sendfile, on a Unix socket whose buffer is as large as nbdtui
// makes it, without a protocol. It returns MiB/s.
func sendFile(dir, image string) (float64, error) {
	l, err := net.Listen("unix", filepath.Join(dir, "limit"))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	reader, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	writer, err := l.Accept()
	if err != nil {
		return 0, err
	}
	defer writer.Close()
	f, err := os.Open(image)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	raw, err := writer.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	const buffer = 4 << 20
	raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, buffer) != nil {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, buffer)
		}
	})
	var sending sync.WaitGroup
	var failed error
	begin := time.Now()
	sending.Go(func() {
		defer writer.Close()
		var sent int64
		err := raw.Write(func(fd uintptr) bool {
			for sent < imageSize {
				switch _, err := unix.Sendfile(int(fd), int(f.Fd()), &sent, 1<<20); err {
				case nil, unix.EINTR:
				case unix.EAGAIN:
					return false
				default:
					failed = err
					return true
				}
			}
			return true
		})
		if failed == nil {
			failed = err
		}
	})
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{reader}, make([]byte, copySize))
	took := time.Since(begin)
	reader.Close()
	sending.Wait()
	if err == nil {
		err = failed
	}
	if err == nil && n != imageSize {
		err = fmt.Errorf("%d bytes arrived", n)
	}
	return imageSize / (1 << 20) / took.Seconds(), err
}
