package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// tables are the results of a group: throughput, CPU time for a request and for a GiB, memory. They are empty where
// none of it was measured.
func (b *bench) tables(group string) string {
	if !slices.ContainsFunc(b.workloads, func(w workload) bool { return w.group == group }) {
		return ""
	}
	text := "Throughput, more is better:\n\n" +
		b.table(group, false, func(w workload) string { return w.unit }, func(_ workload, p point) float64 { return p.rate })
	if group == mainGroup {
		l := spreadOf(b.limits)
		text += fmt.Sprintf("\nA bare sendfile of the file to a reader on such a socket: %s (%s–%s) MiB/s.\n", number(l.median), number(l.low), number(l.high))
	}
	return text + "\nServer CPU time for one request (nbdcopy's are of 256 KiB, qemu-img's of 2 MiB), less is better:\n\n" +
		b.table(group, true, func(workload) string { return "µs" }, func(_ workload, p point) float64 { return p.cpu }) +
		"\nServer CPU time for a GiB, less is better:\n\n" +
		b.table(group, true, func(workload) string { return "ms" }, func(w workload, p point) float64 { return p.cpu / 1000 * (1 << 30) / w.size }) +
		"\nPhysical memory at its peak, less is better:\n\n" +
		b.table(group, true, func(workload) string { return "MiB" }, func(_ workload, p point) float64 { return p.memory })
}

func (b *bench) table(group string, lessIsBetter bool, unit func(workload) string, value func(workload, point) float64) string {
	var t strings.Builder
	t.WriteString("| workload | unit |")
	for _, s := range servers {
		fmt.Fprintf(&t, " %s |", s.name)
	}
	fmt.Fprintf(&t, " %s / best peer | %[1]s / %s |\n", servers[0].name, servers[1].name)
	t.WriteString("|---|---|" + strings.Repeat("--:|", len(servers)+2) + "\n")
	for i, w := range b.workloads {
		if w.group != group {
			continue
		}
		fmt.Fprintf(&t, "| %s | %s |", w.name, unit(w))
		spreads := make([]*spread, len(servers))
		for k, points := range b.points[i] {
			if len(points) == 0 {
				t.WriteString(" – |")
				continue
			}
			var values []float64
			for _, p := range points {
				values = append(values, value(w, p))
			}
			s := spreadOf(values)
			spreads[k] = &s
			fmt.Fprintf(&t, " %s (%s–%s) |", number(s.median), number(s.low), number(s.high))
		}
		best, second := ratios(spreads, lessIsBetter)
		fmt.Fprintf(&t, " %s | %s |\n", ratio(best, lessIsBetter), ratio(second, lessIsBetter))
	}
	return t.String()
}

// ratio marks a ratio that is a loss.
func ratio(r float64, lessIsBetter bool) string {
	if math.IsNaN(r) {
		return "–"
	}
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

// The tables of a group stand between these in the documentation.
func marks(group string) (begin, end string) {
	return fmt.Sprintf("<!-- written by make bench: %s -->\n", group), fmt.Sprintf("<!-- end of %s -->\n", group)
}

const (
	runMark  = "### " // begins a run
	runsKept = 3      // of a group
)

// fillIn puts a run between the marks of its group, before the last ones.
func fillIn(page []byte, group, run string) ([]byte, error) {
	begin, end := marks(group)
	before, rest, begins := strings.Cut(string(page), begin)
	old, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return nil, fmt.Errorf("the marks are missing between which %s goes", group)
	}
	text := "\n" + run + "\n"
	for i, r := range strings.Split(old, "\n"+runMark) {
		if i > 0 && i < runsKept {
			text += runMark + strings.TrimSpace(r) + "\n\n"
		}
	}
	return []byte(before + begin + text + end + after), nil
}
