package param

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "1": 1, "512": 512, "007": 7, "+5": 5, " 5": 5, "\t+5": 5,
		"1b": 1, "3B": 3, "1k": 1 << 10, "2K": 2 << 10, "1m": 1 << 20, "10M": 10 << 20, "1g": 1 << 30, "1G": 1 << 30,
		"1t": 1 << 40, "1T": 1 << 40, "1p": 1 << 50, "1P": 1 << 50, "1e": 1 << 60, "7E": 7 << 60, "0e": 0, "-0": 0, " -00k": 0,
		"1s": 512, "2S": 1024,
		"9223372036854775807": math.MaxInt64, "9007199254740991k": math.MaxInt64 - 1023, "18014398509481983s": math.MaxInt64 - 511,
	} {
		if got, err := ParseSize(text); got != want || err != nil {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "k", "-1", "-", "+-0", "-+0", "+", "++1", "1 k", "1k ", "1.5G", "0x10", "1KiB", "1MB", "1kb", "1km", "1_000", "1e3", "five", "１",
		"9223372036854775808", "8E", "9007199254740992k", "18446744073709551616", "99999999999999999999999", "18014398509481984s",
	} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 1: "1", 1000: "1000", 1024: "1k", 1536: "1536", 10 << 20: "10M", 3 << 30: "3G", 7 << 60: "7E", 1025 << 10: "1025k"} {
		if got := FormatSize(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"1", "10M", "2s", "9223372036854775807", " +7E", "-1", "1.5G"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseSize(text)
		if err != nil {
			if n != 0 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %d beside %q", text, n, err)
			}
			return
		}
		if n > math.MaxInt64 {
			t.Errorf("%q is %d, which is too large", text, n)
		}
		for _, same := range []string{strconv.FormatUint(n, 10), FormatSize(n)} {
			if again, err := ParseSize(same); again != n || err != nil {
				t.Errorf("%q is %d, and %q is %d, %v", text, n, same, again, err)
			}
		}
	})
}

func TestParseBool(t *testing.T) {
	for want, words := range map[bool]string{true: "1 true t yes y on TRUE Yes oN", false: "0 false f no n off FALSE No oFF"} {
		for _, text := range strings.Fields(words) {
			if got, err := ParseBool(text); got != want || err != nil {
				t.Errorf("%q is %v, %v, want %v", text, got, err, want)
			}
		}
	}
	for _, text := range []string{"", "2", "tr", "01", " true", "maybe"} {
		if got, err := ParseBool(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestParseUint(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "10": 10, "0x1F": 31, "0X1f": 31, "010": 8, " 7": 7, "+7": 7, "0xb": 11, "100": 100} {
		if got, err := ParseUint(text, 100); got != want || err != nil {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1k", "1 ", "08", "0x", "0b1", "0o7", "1_0", "0x1_0", "1.0", "101", "18446744073709551616"} {
		if got, err := ParseUint(text, 100); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}

func TestSetters(t *testing.T) {
	var size, number uint64
	var yes bool
	var text string
	for _, c := range []struct {
		set         func(string) error
		good, wrong string
	}{
		{Size(&size), "2k", "x"}, {Uint(&number, 9), "9", "10"}, {Bool(&yes), "on", "maybe"}, {Text(&text), "=a b", ""},
	} {
		if err := c.set(c.good); err != nil {
			t.Errorf("%q: %v", c.good, err)
		}
		if c.wrong != "" && c.set(c.wrong) == nil {
			t.Errorf("%q is taken", c.wrong)
		}
	}
	if err := Text(&text)("last"); err != nil || text != "last" {
		t.Errorf("given twice: %q, %v", text, err)
	}
	if err := Size(&size)("4k"); err != nil || size != 4096 || number != 0 && number != 9 || text != "last" {
		t.Errorf("given twice: %d, %v", size, err)
	}
}
