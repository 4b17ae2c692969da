//go:build !linux

package main

import "errors"

func sendFile(string, string) (float64, error) { return 0, errors.ErrUnsupported }
