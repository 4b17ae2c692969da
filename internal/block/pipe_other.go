//go:build !linux

package block

import (
	"errors"
	"os"
)

// Pipe is Linux's way of sending a file without a copy; elsewhere there is none, and everything is copied.
type Pipe struct{}

func getPipe() *Pipe { return nil }

func (p *Pipe) fill(*os.File, int64, uint64) (uint64, error) { return 0, errors.ErrUnsupported }

// Put, SpliceTo and Waiting are never reached: no Pipe is ever made here.
func (p *Pipe) Put() {}

func (p *Pipe) SpliceTo(int, bool) (int, error) { return 0, errors.ErrUnsupported }

func (p *Pipe) Waiting() int { return 0 }
