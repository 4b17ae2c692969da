package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// tables are the results: throughput, then CPU time.
func (b *bench) tables() string {
	return "Throughput, more is better:\n\n" +
		b.table(false, func(w workload) string { return w.unit }, func(p point) float64 { return p.rate }) +
		"\nServer CPU time for one request (nbdcopy's are of 256 KiB), less is better:\n\n" +
		b.table(true, func(workload) string { return "µs" }, func(p point) float64 { return p.cpu })
}

func (b *bench) table(lessIsBetter bool, unit func(workload) string, value func(point) float64) string {
	var t strings.Builder
	t.WriteString("| workload | unit |")
	for _, s := range servers {
		fmt.Fprintf(&t, " %s |", s.name)
	}
	fmt.Fprintf(&t, " %s / best peer | %[1]s / %s |\n", servers[0].name, servers[1].name)
	t.WriteString("|---|---|" + strings.Repeat("--:|", len(servers)+2) + "\n")
	for i, w := range b.workloads {
		fmt.Fprintf(&t, "| %s | %s |", w.name, unit(w))
		var spreads []spread
		for _, points := range b.points[i] {
			var values []float64
			for _, p := range points {
				values = append(values, value(p))
			}
			s := spreadOf(values)
			spreads = append(spreads, s)
			fmt.Fprintf(&t, " %s (%s–%s) |", number(s.median), number(s.low), number(s.high))
		}
		best, second := ratios(spreads, lessIsBetter)
		fmt.Fprintf(&t, " %s | %s |\n", ratio(best, lessIsBetter), ratio(second, lessIsBetter))
	}
	return t.String()
}

// ratio marks a ratio that is a loss.
func ratio(r float64, lessIsBetter bool) string {
	r = math.Round(r*100) / 100
	s := strconv.FormatFloat(r, 'f', 2, 64)
	if r < 1 && !lessIsBetter || r > 1 && lessIsBetter {
		return "**" + s + "**"
	}
	return s
}

// number writes three digits that count.
func number(x float64) string {
	if x < 99.95 {
		return fmt.Sprintf("%#.3g", x)
	}
	unit := math.Pow10(int(math.Log10(x)) - 2)
	s := strconv.FormatFloat(math.Round(x/unit)*unit, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// The tables stand between these in the documentation.
const (
	tablesBegin = "<!-- written by make bench -->\n"
	tablesEnd   = "<!-- end of what make bench writes -->\n"
)

// fillIn puts text between the marks of page.
func fillIn(page, text string) (string, error) {
	before, rest, begins := strings.Cut(page, tablesBegin)
	_, after, ends := strings.Cut(rest, tablesEnd)
	if !begins || !ends {
		return "", errors.New("the marks between which the tables go are missing")
	}
	return before + tablesBegin + "\n" + text + "\n" + tablesEnd + after, nil
}
