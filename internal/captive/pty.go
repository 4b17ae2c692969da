package captive

import (
	"fmt"
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A screen larger than this is a mistake, and would take gigabytes.
const maxWidth, maxHeight = 1000, 400

func clampSize(width, height int) (int, int) {
	return min(max(width, 1), maxWidth), min(max(height, 1), maxHeight)
}

// openPty makes a terminal. The master does not block, so that closing it ends a Read and a Write.
func openPty(width, height int) (master, slave *os.File, err error) {
	m, slave, err := pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	defer m.Close()
	defer func() {
		if err != nil {
			slave.Close()
		}
	}()
	// pty.Open has made it a blocking file, which only a new one can undo.
	fd, err := unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	if err = unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	master = os.NewFile(uintptr(fd), m.Name())
	if err = setSize(master, width, height); err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

func setSize(master *os.File, width, height int) error {
	raw, err := master.SyscallConn() // Fd would make it block
	if err != nil {
		return fmt.Errorf("set the terminal's size: %w", err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(height), Col: uint16(width)})
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("set the terminal's size: %w", err)
	}
	return nil
}

// isTerminal asks for a window size, which only terminals have.
func isTerminal(f *os.File) bool {
	if f == nil {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}
