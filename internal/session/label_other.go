//go:build !linux

package session

import (
	"errors"

	"example.com/nbdtui/internal/param"
)

// labelled calls bind. Only Linux has SELinux.
func labelled(label string, bind func() error) error {
	if label != "" {
		return param.WithHint(errors.New("--selinux-label: this system has no SELinux"), "leave the option out")
	}
	return bind()
}
