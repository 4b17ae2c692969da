package captive

import "testing"

func TestMouseReports(t *testing.T) {
	press, release := Report{X: 9, Y: 4}, Report{X: 9, Y: 4, Release: true}
	wheel, drag, move := Report{Button: 64, X: 9, Y: 4}, Report{Button: 32, X: 9, Y: 4}, Report{Button: 35, X: 9, Y: 4}
	far := Report{Button: 1 + 16, X: 299, Y: 4}
	for _, c := range []struct {
		mouse  Mouse
		report Report
		want   string
	}{
		{Mouse{}, press, ""},
		{Mouse{Encoding: 1006}, press, ""},
		{Mouse{Tracking: 9}, press, "\x1b[M *%"},
		{Mouse{Tracking: 9}, release, ""},
		{Mouse{Tracking: 9}, wheel, ""},
		{Mouse{Tracking: 1000}, press, "\x1b[M *%"},
		{Mouse{Tracking: 1000}, release, "\x1b[M#*%"},
		{Mouse{Tracking: 1000}, wheel, "\x1b[M`*%"},
		{Mouse{Tracking: 1000}, drag, ""},
		{Mouse{Tracking: 1000}, far, ""},
		{Mouse{Tracking: 1000}, Report{X: -1}, ""},
		{Mouse{Tracking: 1002}, drag, "\x1b[M@*%"},
		{Mouse{Tracking: 1002}, move, ""},
		{Mouse{Tracking: 1003}, move, "\x1b[MC*%"},
		{Mouse{1000, 1006}, press, "\x1b[<0;10;5M"},
		{Mouse{1000, 1006}, release, "\x1b[<0;10;5m"},
		{Mouse{1000, 1006}, far, "\x1b[<17;300;5M"},
		{Mouse{1000, 1005}, far, "\x1b[M1\u014c%"},
		{Mouse{1000, 1015}, far, "\x1b[49;300;5M"},
		{Mouse{1000, 1015}, release, "\x1b[35;10;5M"},
	} {
		if got := string(c.mouse.Encode(c.report)); got != c.want {
			t.Errorf("%+v tells %+v as %q, want %q", c.mouse, c.report, got, c.want)
		}
	}
}

func TestTheScreenSaysWhatMouseTheChildWants(t *testing.T) {
	x := bare(t, 20, 5)
	for _, c := range []struct {
		printed string
		want    Mouse
	}{
		{"\x1b[?1000h", Mouse{Tracking: 1000}},
		{"\x1b[?1002;1006h", Mouse{1002, 1006}},
		{"\x1b[?1000l", Mouse{1002, 1006}},
		{"\x1b[?1002l\x1b[?1015h", Mouse{0, 1015}},
		{"\x1b[?1003h\x1b[?1006l", Mouse{1003, 1015}},
		{"\x1b[?1003l\x1b[?1015l\x1b[?9h", Mouse{Tracking: 9}},
	} {
		x.feed([]byte(c.printed))
		if got := x.screen().Mouse; got != c.want {
			t.Errorf("after %q it wants %+v", c.printed, got)
		}
	}
}
