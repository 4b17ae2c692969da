package main

import (
	"math"
	"slices"
)

// spread is where the middle half of some values lies.
type spread struct{ low, median, high float64 } // quartiles

// spreadOf needs one value or more. Between two of them it interpolates.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	quantile := func(q float64) float64 {
		below, part := math.Modf(q * float64(len(sorted)-1))
		i := int(below)
		if part == 0 {
			return sorted[i]
		}
		return sorted[i] + part*(sorted[i+1]-sorted[i])
	}
	return spread{quantile(0.25), quantile(0.5), quantile(0.75)}
}

// ratios are the medians of the first of some spreads to the best of the others and to the second; NaN where there is
// nobody to compare with. Better is more, or less where lessIsBetter.
func ratios(s []*spread, lessIsBetter bool) (best, second float64) {
	best, second = math.NaN(), math.NaN()
	if s[0] == nil {
		return best, second
	}
	for i, peer := range s[1:] {
		if peer == nil {
			continue
		}
		r := s[0].median / peer.median
		if i == 0 {
			second = r
		}
		if math.IsNaN(best) || r < best != lessIsBetter {
			best = r
		}
	}
	return best, second
}
