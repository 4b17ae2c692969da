package param

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseSize reads nbdkit's size syntax: a decimal number and at most one suffix, in any case: b, k, m, g, t, p, e
// (powers of 1024) or s (512-byte sectors). 0 to 2^63-1 bytes. No hexadecimal, fraction or "KiB".
func ParseSize(s string) (uint64, error) {
	text := strings.TrimLeft(s, " \t")
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		digits++
	}
	if digits == 0 {
		return 0, errors.New("not a size: try a number with k, M, G or T behind it")
	}
	n, err := strconv.ParseUint(text[:digits], 10, 64)
	if err != nil {
		return 0, errTooLarge
	}
	unit := uint64(1)
	switch suffix := strings.ToLower(text[digits:]); suffix {
	case "", "b":
	case "s":
		unit = 512
	default:
		power := strings.Index("kmgtpe", suffix)
		if len(suffix) != 1 || power < 0 {
			return 0, fmt.Errorf("unknown size suffix %q: use one of b, k, M, G, T, P, E or s", text[digits:])
		}
		unit = 1 << (10 * (power + 1))
	}
	if n > math.MaxInt64/unit {
		return 0, errTooLarge
	}
	if negative && n > 0 {
		return 0, errors.New("a size cannot be negative")
	}
	return n * unit, nil
}

// FormatSize writes n as ParseSize reads it, with the largest suffix that says it exactly.
func FormatSize(n uint64) string {
	power := 0
	for n != 0 && n%1024 == 0 && power < len("kMGTPE") {
		n, power = n/1024, power+1
	}
	return strconv.FormatUint(n, 10) + "kMGTPE"[max(power-1, 0):power]
}

var errTooLarge = errors.New("the size is too large: at most 2^63-1 bytes")

// ParseBool reads nbdkit's booleans, in any case: 1 true t yes y on, 0 false f no n off.
func ParseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "true", "t", "yes", "y", "on":
		return true, nil
	case "0", "false", "f", "no", "n", "off":
		return false, nil
	}
	return false, errors.New("not a boolean: say true or false")
}

// ParseUint reads an unsigned number as C does: 0x for hexadecimal, a leading 0 for octal, blanks before it;
// at most limit.
func ParseUint(s string, limit uint64) (uint64, error) {
	digits := strings.ToLower(strings.TrimPrefix(strings.TrimLeft(s, " \t"), "+"))
	n, err := strconv.ParseUint(digits, 0, 64)
	goOnly := strings.Contains(digits, "_") || strings.HasPrefix(digits, "0b") || strings.HasPrefix(digits, "0o")
	if errors.Is(err, strconv.ErrSyntax) || goOnly {
		return 0, errors.New("not a whole number")
	}
	if err != nil || n > limit {
		return 0, fmt.Errorf("out of range: at most %d", limit)
	}
	return n, nil
}

// Size, Bool, Uint and Text make a Set that parses into a variable. A value given twice: the last one holds.

// Size sets a number of bytes.
func Size(to *uint64) func(string) error {
	return func(s string) (err error) { *to, err = ParseSize(s); return err }
}

// Bool sets a boolean.
func Bool(to *bool) func(string) error {
	return func(s string) (err error) { *to, err = ParseBool(s); return err }
}

// Uint sets a number of at most limit.
func Uint(to *uint64, limit uint64) func(string) error {
	return func(s string) (err error) { *to, err = ParseUint(s, limit); return err }
}

// Text sets a string as it is.
func Text(to *string) func(string) error {
	return func(s string) error { *to = s; return nil }
}
