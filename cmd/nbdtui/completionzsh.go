package main

import (
	"fmt"
	"strings"

	"example.com/nbdtui/internal/param"
)

// zshCompletion is a function for zsh's _arguments.
func zshCompletion() string {
	var o options
	var b strings.Builder
	b.WriteString("#compdef nbdtui\n# zsh completion of nbdtui, made by: nbdtui completion zsh\n\n_arguments -s -S \\\n")
	for _, p := range o.table() {
		fmt.Fprintf(&b, "\t%s \\\n", zshOption(p))
	}
	fmt.Fprintf(&b, "\t'1:plugin or command:(%s)' \\\n", strings.Join(firstWords(), " "))
	fmt.Fprintf(&b, "\t'*:parameter:{compadd -S \"\" -- %s; _files}'\n", strings.Join(allKeys(), " "))
	return b.String()
}

// zshOption is one option's specification: its spellings, each of which may come again, its help, and its value.
func zshOption(p param.Param) string {
	spelled := spellings(p)
	value := ""
	if p.Kind != "" {
		for i, s := range spelled {
			if strings.HasPrefix(s, "--") {
				spelled[i] = s + "="
			} else {
				spelled[i] = s + "+"
			}
		}
		value = ":" + strings.ToLower(strings.ReplaceAll(p.Kind, "|", " or ")) + ":" + zshAction(candidatesOf(p))
	}
	help := strings.NewReplacer(`'`, `'\''`, `[`, `\[`, `]`, `\]`).Replace(p.Help)
	names := spelled[0]
	if len(spelled) > 1 {
		names = "'{" + strings.Join(spelled, ",") + "}'"
	}
	return fmt.Sprintf("'*%s[%s]%s'", names, help, value)
}

func zshAction(c candidates) string {
	switch {
	case c.words != nil:
		return "(" + strings.Join(c.words, " ") + ")"
	case c.files:
		return "_files"
	case c.users != "":
		return "_" + c.users + "s"
	}
	return " "
}
