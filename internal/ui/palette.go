package ui

import (
	"os"
	"strings"
)

// Options are what somebody chose for the dashboard.
type Options struct {
	Theme string // one of Themes; empty for the first of them
	ASCII bool   // no other characters, even where the locale has more

	Inline bool   // a strip below the child's output, not the whole screen
	Replay string // this is no session but a recording: what to call it
}

// Themes are the names of the themes, the usual one first.
func Themes() []string { return []string{"terminal", "okabe", "paper", "mono"} }

// palettes are the themes that do not leave the choice to the terminal: of 256 colours, since many terminals behind tmux
// or ssh know no more. A role that is not in one looks as usual.
var palettes = map[string]map[role]string{
	// Of Okabe and Ito's colours, which all kinds of colour-blind people can tell apart; for dark backgrounds.
	"okabe": {
		border: "38;5;245", focus: "1;38;5;117", good: "1;7;38;5;74", moving: "1;7;38;5;214", held: "1;7;38;5;32", bad: "1;7;38;5;166",
		reading: "38;5;74", writing: "38;5;214", pausing: "38;5;175", warning: "1;38;5;220", failure: "1;38;5;202", question: "1;38;5;220",
		found: "38;5;16;48;5;220",
	},
	// Dark on white: the yellows of most terminals cannot be read there.
	"paper": {
		border: "38;5;246", focus: "1;38;5;25", good: "1;7;38;5;24", moving: "1;7;38;5;130", held: "1;7;38;5;25", bad: "1;7;38;5;160",
		reading: "38;5;25", writing: "38;5;130", pausing: "38;5;61", warning: "1;38;5;130", failure: "1;38;5;160", question: "1;38;5;130",
		found: "38;5;16;48;5;222",
	},
}

// themeFor is the theme for an environment, which getenv reads. Any NO_COLOR but an empty one is a wish for no colours,
// whatever the theme.
func themeFor(o Options, getenv func(string) string) theme {
	t := newTheme(getenv("NO_COLOR") == "" && o.Theme != "mono", o.ASCII || !speaksUTF8(getenv))
	if own, ok := palettes[o.Theme]; ok && t.colour() {
		sgr := colours
		for r, code := range own {
			sgr[r] = code
		}
		t.sgr = &sgr
	}
	return t
}

// speaksUTF8 is true where the locale does.
func speaksUTF8(getenv func(string) string) bool {
	var locale string
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first that is set counts
		if locale = getenv(name); locale != "" {
			break
		}
	}
	locale = strings.ToLower(locale)
	return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
}

// theme is the one for this process.
func (o Options) theme() theme { return themeFor(o, os.Getenv) }
