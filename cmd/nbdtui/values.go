package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/nbdtui/internal/session"
	"example.com/nbdtui/internal/unixsocket"
)

// What the options' values may be, beside what package param has.

// constant is a switch's: it stands for one value of several switches' common variable.
func constant(to *string, value string) func(string) error {
	return func(string) error { *to = value; return nil }
}

func notEmpty(to *string, want string) func(string) error {
	return func(s string) error {
		if s == "" {
			return errors.New(want)
		}
		*to = s
		return nil
	}
}

func oneOf(to *string, words ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(words, s) {
			last := len(words) - 1
			return fmt.Errorf("say %s or %s", strings.Join(words[:last], ", "), words[last])
		}
		*to = s
		return nil
	}
}

// setPath makes the path absolute at once: it means the same wherever the program goes.
func setPath(to *string) func(string) error {
	return func(s string) (err error) {
		if s == "" {
			return errors.New("name a file")
		}
		*to, err = filepath.Abs(s)
		return err
	}
}

// setTime takes a time with its unit, or a number of seconds.
func setTime(to *time.Duration) func(string) error {
	return func(s string) error {
		if _, err := strconv.ParseUint(s, 10, 32); err == nil {
			s += "s"
		}
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return errors.New("say a time such as 30s or 2m")
		}
		*to = d
		return nil
	}
}

func (o *options) setUnix(s string) error {
	o.listen.Private = s == "-"
	o.listen.Unix = s
	if s == "" {
		return errors.New("a socket needs a path, or - for a private one")
	}
	return unixsocket.Check(s)
}

func (o *options) setChildOutput(s string) error {
	var word string
	err := oneOf(&word, "skip", "wait")(s)
	o.outputWait = word == "wait"
	return err
}

func (o *options) setHold(s string) error {
	var word string
	err := oneOf(&word, "never", "error", "always")(s)
	o.hold = map[string]session.Hold{"error": session.HoldError, "always": session.HoldAlways}[word]
	return err
}

// setDebug checks the form NAME.FLAG=N; whether somebody has the flag is another matter.
func (o *options) setDebug(s string) error {
	flag, number, _ := strings.Cut(s, "=")
	name, rest, _ := strings.Cut(flag, ".")
	if _, err := strconv.ParseInt(number, 0, 32); err != nil || name == "" || rest == "" {
		return errors.New("say NAME.FLAG=N, with a whole number")
	}
	o.debug = append(o.debug, flag)
	return nil
}
