package session

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"example.com/nbdtui/internal/param"
)

// labelled calls bind so that SELinux gives the sockets it makes a label (setsockcreatecon(3)), which is the thread's.
func labelled(label string, bind func() error) error {
	if label == "" {
		return bind()
	}
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err != nil {
		return param.WithHint(errors.New("--selinux-label: SELinux is not enabled here"), "leave the option out")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const attribute = "/proc/thread-self/attr/sockcreate"
	if err := os.WriteFile(attribute, []byte(label), 0); err != nil {
		return fmt.Errorf("--selinux-label=%s: %w", label, err)
	}
	defer os.WriteFile(attribute, nil, 0)
	return bind()
}
