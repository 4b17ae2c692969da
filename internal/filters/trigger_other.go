//go:build !linux

package filters

import "os"

func (t trigger) exists() bool {
	_, err := os.Stat(t.path)
	return err == nil
}
