package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time that a process has used, user and system, with all its threads, those that have ended too,
// and with the children that it has waited for. The process's own is the clock of clock_getcpuclockid(3); that of the
// children, which only nbd-server has, comes from /proc/PID/stat in steps of 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &t); err != nil {
		return 0, fmt.Errorf("read the CPU clock of process %d: %w", pid, err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const tick = 10 * time.Millisecond // USER_HZ is 100 for every program
	own := time.Duration(t.Nano())
	for _, field := range fields[13:15] { // cutime and cstime
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		own += time.Duration(n) * tick
	}
	return own, nil
}

// endDaemon ends a process that is no child of ours. Whoever has to wait for it may take seconds for that: it has ended
// when its descriptor says so.
func endDaemon(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer unix.Close(fd)
	unix.Kill(pid, unix.SIGTERM)
	ended := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for end := time.Now().Add(stopTime); time.Now().Before(end); {
		if n, _ := unix.Poll(ended, int(stopTime.Milliseconds())); n > 0 {
			return
		}
	}
	unix.Kill(pid, unix.SIGKILL)
}

// evict takes a file out of the page cache.
func evict(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// children are the processes that a process has started and not waited for.
func children(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	return strings.Fields(string(text))
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`)

// peakMemory is the most of physical memory that a process and its children have had so far, in bytes. Of pages that
// they share each counts its own.
func peakMemory(pid int) (sum uint64) {
	for _, p := range append(children(pid), strconv.Itoa(pid)) {
		text, _ := os.ReadFile("/proc/" + p + "/status")
		if m := highWater.FindSubmatch(text); m != nil {
			n, _ := strconv.ParseUint(string(m[1]), 10, 64)
			sum += n << 10
		}
	}
	return sum
}
