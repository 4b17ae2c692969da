package ui

import (
	"slices"
	"testing"
	"time"
)

func TestCleanTakesControlAway(t *testing.T) {
	th := newTheme(true, false)
	for in, want := range map[string]string{
		"disk.img":                        "disk.img",
		"\x1b[2J\x1b]0;owned\aname":       "name",
		"\x9b31mname":                     "31mname",
		"two\nlines\tand\ra tab":          "two lines and a tab",
		"rtl \u202egnp.exe":               "rtl gnp.exe",
		"broken \xff\xfe":                 "broken ",
		"日本 é":                            "日本 é",
		"\u0301x":                         "x",
		"\x1bP1;2|payload\x1b\\after\x00": "after",
	} {
		if got := th.clean(in); got != want {
			t.Errorf("clean(%q) is %q, want %q", in, got, want)
		}
	}
	if got := newTheme(true, true).clean("日本 é→"); got != "???? ??" {
		t.Errorf("in ASCII: %q", got)
	}
}

func TestScreenRowWithoutColours(t *testing.T) {
	th := newTheme(false, false)
	for in, want := range map[string]string{
		"\x1b[31mred\x1b[m":            "red\x1b[m",
		"\x1b[1;31mred\x1b[m":          "\x1b[1mred\x1b[m",
		"\x1b[38;5;200;1mx\x1b[0m":     "\x1b[1mx\x1b[0m",
		"\x1b[7;48;2;1;2;3;4mx":        "\x1b[7;4mx",
		"\x1b[38:2::1:2:3;3mx":         "\x1b[3mx",
		"\x1b[4:3;58:5:1mx\x1b[59;24m": "\x1b[4:3mx\x1b[24m",
		"\x1b[97;104;22mx":             "\x1b[22mx",
		"\x1b[38mx":                    "x",
		"plain":                        "plain",
	} {
		if got := th.screenRow(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestThemeFollowsTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		env           map[string]string
		colour, ascii bool
	}{
		{map[string]string{"LANG": "de_DE.UTF-8"}, true, false},
		{map[string]string{"LANG": "C.utf8", "NO_COLOR": "0"}, false, false},
		{map[string]string{"LANG": "C.UTF-8", "NO_COLOR": ""}, true, false},
		{map[string]string{"LANG": "C.UTF-8", "LC_ALL": "C"}, true, true},
		{map[string]string{"LANG": "C.UTF-8", "LC_CTYPE": "POSIX"}, true, true},
		{map[string]string{"LC_CTYPE": "C.UTF-8", "LANG": "C"}, true, false},
		{map[string]string{}, true, true},
	} {
		th := themeFor(Options{}, func(name string) string { return c.env[name] })
		if th.colour() != c.colour || th.ascii() != c.ascii {
			t.Errorf("%v: colour %v, ASCII %v", c.env, th.colour(), th.ascii())
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{bytesText(0), "0 B"}, {bytesText(999), "999 B"}, {bytesText(1000), "1.0 KiB"}, {bytesText(44 << 30), "44.0 GiB"},
		{bytesText(999.9 * 1024), "999.9 KiB"}, {bytesText(1023 * 1024), "1.0 MiB"}, {bytesText(1 << 63), "8.0 EiB"},
		{bytesShort(512.4 * (1 << 20)), "512.4M"}, {bytesShort(0), "0"},
		{count(0), "0"}, {count(999), "999"}, {count(71234), "71,234"}, {count(1e6), "1.00M"}, {count(123456789), "123M"}, {count(999_999_999), "1.00G"},
		{countShort(999), "999"}, {countShort(1000), "1.0k"}, {countShort(9999), "10k"}, {countShort(71234), "71k"}, {countShort(1<<64 - 1), "18E"},
		{clock(51 * time.Second), "00:51"}, {clock(time.Hour + 62*time.Second), "1:01:02"}, {clock(76 * time.Hour), "3d 04h"}, {clock(-1), "00:00"},
		{age(84 * time.Millisecond), "84 ms"}, {age(1400 * time.Millisecond), "1.4 s"}, {age(31 * time.Second), "31 s"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"short", []string{"short"}},
		{"one two three", []string{"one two", "three"}},
		{"at nbd://verylongname x", []string{"at nbd://", "verylongn", "ame x"}},
		{"123456789 0", []string{"123456789", "0"}},
		{"中中中中中中", []string{"中中中中", "中中"}},
	} {
		if got := wrap(c.in, 9); !slices.Equal(got, c.want) {
			t.Errorf("%q is broken into %q, want %q", c.in, got, c.want)
		}
	}
}
