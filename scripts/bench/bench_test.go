package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{2, 1}, spread{1.25, 1.5, 1.75}},
		{[]float64{5, 1, 4, 2, 3}, spread{2, 3, 4}},
		{[]float64{4, 3, 2, 1}, spread{1.75, 2.5, 3.25}},
		{[]float64{1, 1, 1, 1, 1000}, spread{1, 1, 1}},
	} {
		given := append([]float64(nil), c.values...)
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("spread of %v: %v, want %v", c.values, got, c.want)
		}
		for i := range given {
			if given[i] != c.values[i] {
				t.Fatalf("spreadOf has changed %v to %v", given, c.values)
			}
		}
	}
}

func TestRatios(t *testing.T) {
	s := []*spread{{median: 30}, {median: 20}, nil, {median: 40}}
	if best, second := ratios(s, false); best != 0.75 || second != 1.5 {
		t.Errorf("more is better: %v of the best peer, %v of the second", best, second)
	}
	if best, second := ratios(s, true); best != 1.5 || second != 1.5 {
		t.Errorf("less is better: %v of the best peer, %v of the second", best, second)
	}
	s[1] = nil
	if best, second := ratios(s, false); best != 0.75 || !math.IsNaN(second) {
		t.Errorf("without the second: %v of the best peer, %v of the second", best, second)
	}
	if best, _ := ratios([]*spread{{median: 30}, nil}, false); !math.IsNaN(best) {
		t.Errorf("alone: %v of the best peer", best)
	}
}

func TestLossesAreMarked(t *testing.T) {
	for _, c := range []struct {
		ratio        float64
		lessIsBetter bool
		want         string
	}{
		{0.834, false, "**0.83**"}, {1.4, false, "1.40"}, {1, false, "1.00"},
		{0.5, true, "0.50"}, {1, true, "1.00"}, {1.001, true, "1.00"}, {1.25, true, "**1.25**"},
	} {
		if got := ratio(c.ratio, c.lessIsBetter); got != c.want {
			t.Errorf("ratio %v, less is better %v: %q, want %q", c.ratio, c.lessIsBetter, got, c.want)
		}
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for x, want := range map[float64]string{
		3.14159: "3.14", 18: "18.0", 42.25: "42.2", 99.96: "100", 417.4: "417", 1234: "1,230", 45678: "45,700", 1999999: "2,000,000",
	} {
		if got := number(x); got != want {
			t.Errorf("number %v: %q, want %q", x, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	b := &bench{workloads: make([]workload, 2), points: [][][]point{make([][]point, len(servers)), make([][]point, len(servers))}}
	for i := range b.points {
		b.workloads[i].group, b.workloads[i].size = "some", 1<<20
		for k := range servers[:3] {
			b.points[i][k] = []point{{float64(10*i + k + 1), 2, 3}}
		}
	}
	text := b.tables("some")
	if want := "| 3.00 (3.00–3.00) | – | – | **0.33** | **0.50** |"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
	if want := "| ms | 2.05 (2.05–2.05) |"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
	if text := b.tables("others"); text != "" {
		t.Errorf("a group of which nothing was measured:\n%s", text)
	}
}

func TestFillIn(t *testing.T) {
	begin, end := marks("some")
	page := []byte("rules\n" + begin + "\nNot run yet.\n\n" + end + "words\n")
	for i := range 5 {
		run := func(i int) string { return fmt.Sprintf("%s%d\n\ntable\n\n", runMark, i) }
		var err error
		page, err = fillIn(page, "some", strings.TrimSuffix(run(i), "\n"))
		want := ""
		for k := i; k >= max(0, i-2); k-- {
			want += run(k)
		}
		if want = "rules\n" + begin + "\n" + want + end + "words\n"; err != nil || string(page) != want {
			t.Fatalf("filled in: %q, %v; want %q", page, err, want)
		}
	}
	if _, err := fillIn(page, "others", "new"); err == nil {
		t.Error("a page without marks is filled in")
	}
}

func TestChoose(t *testing.T) {
	for only, want := range map[string]string{"": mainGroup, "^(tcp|tls):": "tcp tls", "1 MiB": ""} {
		chosen, whole, err := choose(only)
		if err != nil || len(chosen) == 0 || strings.Join(whole, " ") != want {
			t.Errorf("%q: %d workloads, whole are %v (%v)", only, len(chosen), whole, err)
		}
		for _, w := range chosen {
			if want != "" && !strings.Contains(want, w.group) {
				t.Errorf("%q: %s is of %s", only, w.name, w.group)
			}
		}
	}
	if _, _, err := choose("("); err == nil {
		t.Error("a bad expression is taken")
	}
	for _, w := range workloads {
		if !slices.Contains(groups, w.group) {
			t.Errorf("%s is of no group: %q", w.name, w.group)
		}
	}
}

func TestPerRequest(t *testing.T) {
	n, which := perRequest("    calls syscall\n--------- ----------------\n      300 read\n      150 futex\n       50 sendmsg\n"+
		"        1 pread64\n--------- ----------------\n      501 total\n", 100)
	if math.Abs(n-3.51) > 1e-9 || which != "read 3.00, sendmsg 0.50, pread64 0.01" {
		t.Errorf("%v calls: %s", n, which)
	}
}

func TestCommandLines(t *testing.T) {
	p := place{scene: scene{tcp: true, tls: true, filters: []string{"pause"}, words: []string{"pause-control=x"}},
		dir: t.TempDir(), port: "7", file: "f", pki: "d"}
	args, err := servers[0].args(p)
	want := "bin/nbdtui -i 127.0.0.1 -p 7 --tls=require --tls-certificates=d --filter=pause file f pause-control=x"
	if got := strings.Join(args, " "); err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
	if got, want := p.uri("e"), "nbds://localhost:7/e?tls-certificates=d"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	p = place{socket: "s"}
	if got, want := p.uri("e"), "nbd+unix:///e?socket=s"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, s := range servers[2:] {
		if args, err := s.args(place{scene: scene{memory: true}}); args != nil || err != nil {
			t.Errorf("%s has a disk in memory: %v, %v", s.name, args, err)
		}
	}
}

func TestReadFio(t *testing.T) {
	got, err := readFio([]byte("fio: connected to NBD server\n" +
		`{"jobs":[{"error":0,"read":{"total_ios":0,"iops":0},"write":{"total_ios":900,"iops":450.5}}]}`))
	if err != nil || got != (outcome{450.5, 900}) {
		t.Errorf("report: %v, %v", got, err)
	}
	for _, bad := range []string{
		"", "{}", `{"jobs":[{"error":5,"read":{"total_ios":1,"iops":1}}]}`, `{"jobs":[{"error":0}]}`,
	} {
		if _, err := readFio([]byte(bad)); err == nil {
			t.Errorf("report %q passes", bad)
		}
	}
}

func TestCPUTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the clock is Linux's")
	}
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	begin, x := time.Now(), 1.0
	for time.Since(begin) < 5*time.Millisecond {
		x = math.Sqrt(x + 1)
	}
	after, err := cpuTime(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("CPU time %v, then %v (%v, %v)", before, after, x, err)
	}
}

func TestDocumentationHasTheMarks(t *testing.T) {
	page, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if _, err := fillIn(page, g, ""); err != nil {
			t.Error(err)
		}
	}
}
