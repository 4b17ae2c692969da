package filters

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// The layer closes its files while somebody may still look; by then their numbers can be somebody else's.
func TestAnEventWhoseFileIsClosedHasNotHappened(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.Close()       // so that r can be read, for an end
	const far = 700 // a number that nobody gets by chance
	fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, far)
	if err != nil {
		t.Fatal(err)
	}
	e, err := observed(fd, "pipe")
	if err != nil {
		t.Fatal(err)
	}
	if !e.happened(t.Context()) {
		t.Error("the pipe has ended, and nobody sees it")
	}
	if err := e.file.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, far)
	if err != nil || again != fd {
		t.Fatalf("descriptor %d, %v, and not %d again", again, err, fd)
	}
	defer unix.Close(again)
	if e.happened(t.Context()) {
		t.Error("another file was looked at")
	}
}
