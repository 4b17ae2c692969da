package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// describe says on what and with what the bench ran. What cannot be found out is "unknown".
func describe() string {
	user := "an ordinary user"
	if os.Geteuid() == 0 {
		user = "root"
	}
	var b strings.Builder
	row := func(name, value string) { fmt.Fprintf(&b, "- %s: %s\n", name, value) }
	row("nbdtui", version("bin/nbdtui", "--version")+", "+revision("bin/nbdtui"))
	row("nbdkit", version("nbdkit", "--version"))
	row("qemu-nbd", version("qemu-nbd", "--version"))
	row("nbd-server", version("nbd-server", "-V"))
	row("qemu-img", version("qemu-img", "--version"))
	row("nbdcopy", version("nbdcopy", "--version"))
	row("fio", version("fio", "--version"))
	row("kernel", content("/proc/sys/kernel/osrelease"))
	row("processor", fmt.Sprintf("%s, %d cores", found(`model name\s*: (.*)`, content("/proc/cpuinfo")), runtime.NumCPU()))
	row("memory", found(`MemTotal:\s*(.*)`, content("/proc/meminfo")))
	row("file system", fileSystem(os.TempDir()))
	row("`net.core.wmem_max`", content("/proc/sys/net/core/wmem_max"))
	row("run by", user)
	row("load average at the start", found(`^(\S+ \S+ \S+)`, content("/proc/loadavg")))
	return b.String()
}

const unknown = "unknown"

// version is the first number with dots in what a program says.
func version(program, option string) string {
	out, _ := exec.Command(program, option).CombinedOutput()
	return found(`(\d+(?:\.\d+)+)`, string(out))
}

// revision is what a Go program was built from, and with. The sources are those beside it.
func revision(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return unknown
	}
	commit, changed := unknown, ""
	if out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
		if out, _ := exec.Command("git", "status", "--porcelain", "--", "cmd", "internal", "go.mod", "go.sum").Output(); len(out) > 0 {
			changed = " with changes"
		}
	}
	return fmt.Sprintf("commit %s%s, %s", commit, changed, info.GoVersion)
}

// fileSystem is the type of the one on which a directory is.
func fileSystem(dir string) string {
	out, _ := exec.Command("df", "--output=fstype", dir).Output()
	return found(`\n(\S+)`, string(out))
}

func content(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return unknown
	}
	return strings.TrimSpace(string(b))
}

func found(pattern, text string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return unknown
	}
	return m[1]
}
