package main

import (
	"math"
	"os"
	"runtime"
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
	s := []spread{{median: 30}, {median: 20}, {median: 40}}
	if best, second := ratios(s, false); best != 0.75 || second != 1.5 {
		t.Errorf("more is better: %v of the best peer, %v of the second", best, second)
	}
	if best, second := ratios(s, true); best != 1.5 || second != 1.5 {
		t.Errorf("less is better: %v of the best peer, %v of the second", best, second)
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
		for k := range servers {
			b.points[i][k] = []point{{float64(10*i + k + 1), 2}}
		}
	}
	text := b.tables()
	if want := "| 3.00 (3.00–3.00) | **0.33** | **0.50** |"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestFillIn(t *testing.T) {
	page := "rules\n" + tablesBegin + "old\n" + tablesEnd + "words\n"
	got, err := fillIn(page, "new\n")
	if want := "rules\n" + tablesBegin + "\nnew\n\n" + tablesEnd + "words\n"; err != nil || got != want {
		t.Errorf("filled in: %q, %v", got, err)
	}
	if again, err := fillIn(got, "new\n"); err != nil || again != got {
		t.Errorf("filled in twice: %q, %v", again, err)
	}
	if _, err := fillIn("no marks", "new"); err == nil {
		t.Error("a page without marks is filled in")
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
	if _, err := fillIn(string(page), ""); err != nil {
		t.Error(err)
	}
}
