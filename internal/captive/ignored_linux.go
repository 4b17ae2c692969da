package captive

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ignoresTerm reports whether a process ignores TERM (SigIgn of proc_pid_status(5)).
func ignoresTerm(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, mask, _ := strings.Cut(string(status), "\nSigIgn:\t")
	mask, _, _ = strings.Cut(mask, "\n")
	ignored, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && ignored&(1<<(syscall.SIGTERM-1)) != 0
}
