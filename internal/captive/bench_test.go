package captive

import (
	"strings"
	"testing"
)

func BenchmarkFeed(b *testing.B) {
	for name, line := range map[string]string{
		"yes":      "y\r\n",
		"short":    "1234567\r\n",
		"long":     strings.Repeat("a plain word ", 6) + "\r\n",
		"colour":   strings.Repeat("\x1b[32mok\x1b[m word ", 7) + "\r\n",
		"progress": "\r    (43.08/100%)",
	} {
		b.Run(name, func(b *testing.B) {
			term := newTerminal(80, 24, func([]byte) {})
			defer term.close()
			p := []byte(strings.Repeat(line, 4096/len(line)))
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				term.feed(p)
			}
		})
	}
}
