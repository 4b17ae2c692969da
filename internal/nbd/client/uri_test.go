package client

import "testing"

func TestURIs(t *testing.T) {
	for s, want := range map[string]URI{
		"nbd://localhost":                                                {Network: "tcp", Address: "localhost:10809", Export: ""},
		"nbd://LocalHost:10809/":                                         {Network: "tcp", Address: "localhost:10809", Export: ""},
		"nbd://localhost:1/a%20b":                                        {Network: "tcp", Address: "localhost:1", Export: "a b"},
		"nbd://localhost//disk":                                          {Network: "tcp", Address: "localhost:10809", Export: "/disk"},
		"nbd://[::1]:10810/x/y":                                          {Network: "tcp", Address: "[::1]:10810", Export: "x/y"},
		"nbd+unix://?socket=/tmp/s":                                      {Network: "unix", Address: "/tmp/s", Export: ""},
		"nbd+unix:///a%2Fb?socket=/tmp/a%20b":                            {Network: "unix", Address: "/tmp/a b", Export: "a/b"},
		"nbd+unix:///x?tls-hostname=a&socket=/a+b":                       {Network: "unix", Address: "/a+b", Export: "x"},
		"nbd+unix:///?socket=%00abstract":                                {Network: "unix", Address: "\x00abstract", Export: ""},
		"nbds://host/a":                                                  {"tcp", "host:10809", "a", TLS{Required: true}},
		"nbds://[::1]/?tls-verify-peer=0&tls-type=x509":                  {"tcp", "[::1]:10809", "", TLS{Required: true, Unverified: true}},
		"nbds+unix:///?socket=/s&tls-certificates=/a%20b&tls-hostname=h": {"unix", "/s", "", TLS{Required: true, Certificates: "/a b", Host: "h"}},
		"nbds://a%40b@host/?tls-psk-file=/k":                             {"tcp", "host:10809", "", TLS{Required: true, Keys: "/k", User: "a@b"}},
		"nbds+unix://u@/x?socket=/s&tls-psk-file=/k&tls-type=psk":        {"unix", "/s", "x", TLS{Required: true, Keys: "/k", User: "u"}},
		"nbd+unix:///?socket=@file":                                      {Network: "unix", Address: "./@file", Export: ""},
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
