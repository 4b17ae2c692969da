package captive

import (
	"bytes"
	"fmt"
	"strconv"
)

// kept are the private modes that outlive skipped output: application cursor keys, wrapping, the cursor, the alternate
// screen by its three names, bracketed paste, and the mouse's.
var kept = [...]int{1, 7, 25, 47, 1047, 1049, 2004, 9, 1000, 1002, 1003, 1005, 1006, 1015}

// modes are the kept modes that some output sets or resets.
type modes map[int]bool

// scan looks for CSI ? n;n;… h and l. It is fast where there is none.
func (m modes) scan(p []byte) {
	for {
		_, rest, found := bytes.Cut(p, []byte("\x1b[?"))
		if !found {
			return
		}
		p = rest
		end := bytes.IndexFunc(p, func(r rune) bool { return r != ';' && (r < '0' || r > '9') })
		if end < 0 || p[end] != 'h' && p[end] != 'l' {
			continue
		}
		for number := range bytes.SplitSeq(p[:end], []byte{';'}) {
			n, _ := strconv.Atoi(string(number)) // what is no number is no kept mode
			for _, k := range kept {
				if n == k {
					m[k] = p[end] == 'h'
				}
			}
		}
	}
}

// sequences sets them again.
func (m modes) sequences() []byte {
	var out []byte
	for _, k := range kept {
		if set, ok := m[k]; ok {
			final := 'l'
			if set {
				final = 'h'
			}
			out = fmt.Appendf(out, "\x1b[?%d%c", k, final)
		}
	}
	return out
}
