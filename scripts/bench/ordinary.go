package main

import (
	"errors"
	"os"
	"strings"
)

const (
	wmemMax   = "/proc/sys/net/core/wmem_max"
	wmemUsual = "212992" // bytes; what most kernels have
	nobody    = 65534
)

// setUp makes the machine what the scene wants it to be; the function it returns undoes that.
func (s scene) setUp(run string) (restore func(), err error) {
	if !s.ordinary {
		return func() {}, nil
	}
	if os.Geteuid() != 0 {
		if content(wmemMax) != wmemUsual {
			return nil, errors.New("net.core.wmem_max is " + content(wmemMax) + ", and only root can make it " + wmemUsual)
		}
		return func() {}, nil
	}
	before := content(wmemMax)
	if err := os.WriteFile(wmemMax, []byte(wmemUsual), 0); err != nil {
		return nil, err
	}
	if err := os.Chown(run, nobody, nobody); err != nil {
		return nil, err
	}
	return func() {
		os.WriteFile(wmemMax, []byte(strings.TrimSpace(before)), 0)
		os.Chown(run, 0, 0)
	}, nil
}
