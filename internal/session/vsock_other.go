//go:build !linux

package session

import (
	"errors"
	"os"
)

// vsockFile binds nothing: only Linux has vsock.
func vsockFile(uint32) (*os.File, error) { return nil, errors.New("only Linux has vsock") }
