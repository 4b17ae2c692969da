package main

import (
	"fmt"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// fishCompletion is one complete command for each option and word.
func fishCompletion() string {
	var o options
	var b strings.Builder
	b.WriteString("# fish completion of nbdtui, made by: nbdtui completion fish\n")
	for _, p := range o.table() {
		b.WriteString(fishOption(p) + "\n")
	}
	for _, c := range commandNames {
		fmt.Fprintf(&b, "complete -c nbdtui -f -n __fish_is_first_token -a %s\n", c)
	}
	b.WriteString("complete -c nbdtui -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n")
	for _, r := range block.Registered(block.Plugin) {
		fmt.Fprintf(&b, "complete -c nbdtui -f -n __fish_is_first_token -a %s -d %s\n", r.Name, fishQuote(r.Summary))
	}
	for _, r := range registered() {
		seen := fmt.Sprintf("'__fish_seen_subcommand_from %s'", r.Name)
		if r.Kind == block.Filter {
			seen = fmt.Sprintf("'string match -q -- \"*filter*%s*\" (commandline -c)'", r.Name)
		}
		for _, p := range r.New().Table().Params {
			fmt.Fprintf(&b, "complete -c nbdtui -n %s -a %s= -d %s\n", seen, p.Name, fishQuote(p.Help))
		}
	}
	return b.String()
}

func fishOption(p param.Param) string {
	words := []string{"complete -c nbdtui", "-l " + p.Name}
	for _, a := range p.Aliases {
		words = append(words, "-l "+a)
	}
	if p.Short != "" {
		words = append(words, "-s "+p.Short)
	}
	if p.Kind != "" {
		switch c := candidatesOf(p); {
		case c.words != nil:
			words = append(words, "-x -a "+fishQuote(strings.Join(c.words, " ")))
		case c.files:
			words = append(words, "-r -F")
		case c.users != "":
			words = append(words, fmt.Sprintf("-x -a '(__fish_complete_%ss)'", c.users))
		default:
			words = append(words, "-x")
		}
	}
	return strings.Join(append(words, "-d "+fishQuote(p.Help)), " ")
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
