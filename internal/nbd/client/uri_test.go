package client

import "testing"

func TestURIs(t *testing.T) {
	for s, want := range map[string]URI{
		"nbd://localhost":                          {"tcp", "localhost:10809", ""},
		"nbd://LocalHost:10809/":                   {"tcp", "localhost:10809", ""},
		"nbd://localhost:1/a%20b":                  {"tcp", "localhost:1", "a b"},
		"nbd://localhost//disk":                    {"tcp", "localhost:10809", "/disk"},
		"nbd://[::1]:10810/x/y":                    {"tcp", "[::1]:10810", "x/y"},
		"nbd+unix://?socket=/tmp/s":                {"unix", "/tmp/s", ""},
		"nbd+unix:///a%2Fb?socket=/tmp/a%20b":      {"unix", "/tmp/a b", "a/b"},
		"nbd+unix:///x?tls-hostname=a&socket=/a+b": {"unix", "/a+b", "x"},
		"nbd+unix:///?socket=%00abstract":          {"unix", "\x00abstract", ""},
		"nbd+unix:///?socket=@file":                {"unix", "./@file", ""},
	} {
		got, err := ParseURI(s)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
		if again, err := ParseURI(got.String()); err != nil || again != want {
			t.Errorf("%s is written as %s, which is %+v, %v", s, got, again, err)
		}
		if !IsURI(s) {
			t.Errorf("%s is no URI", s)
		}
	}
	for _, s := range []string{"disk.img", "-", "null:", "/nbd://x", "nbd:unix:/x", "file:///x"} {
		if IsURI(s) {
			t.Errorf("%s is a URI", s)
		}
	}
}
