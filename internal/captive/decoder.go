package captive

import (
	"bytes"
	"unicode/utf8"
)

// decoder makes valid UTF-8 of what was read. The emulator takes the bytes after a wrong first byte for its
// continuation, whatever they are: a Latin-1 letter would eat the end of its line.
type decoder struct {
	rest [utf8.UTFMax]byte // the start of a character that is still to come
	n    int
}

// decode returns p with U+FFFD for what is not UTF-8. It may use p's memory.
func (d *decoder) decode(p []byte) []byte {
	if d.n > 0 {
		p = append(d.rest[:d.n:d.n], p...)
		d.n = 0
	}
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if last := p[len(p)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				d.n = copy(d.rest[:], last)
				p = p[:len(p)-i]
			}
			break
		}
	}
	if utf8.Valid(p) {
		return p
	}
	return bytes.ToValidUTF8(p, []byte("\uFFFD"))
}
