package ui

import (
	"unicode"
	"unicode/utf8"
)

// edited is a text after a key: a character more, or one less. What is neither changes nothing.
func edited(text string, k key) string {
	if k == "backspace" {
		_, n := utf8.DecodeLastRuneInString(text)
		return text[:len(text)-n]
	}
	if r, n := utf8.DecodeRuneInString(string(k)); n == len(k) && unicode.IsPrint(r) && len(text) < 200 {
		return text + string(k)
	}
	return text
}

// filterEvents begins to type what events should contain. They come into sight if they are not.
func (b *board) filterEvents() {
	v := &b.view
	v.panel, v.event, v.filter.typing = panelEvents, 0, true
	v.zoom = v.zoom || !b.plan()[panelEvents].boxed
}

func (b *board) typeFilter(k key) {
	f := &b.view.filter
	switch k {
	case "enter":
		f.typing = false
	case "esc":
		*f = filter{}
	default:
		f.text = edited(f.text, k)
	}
}
