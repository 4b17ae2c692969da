package main

import (
	"fmt"
	"io"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

const usage = `nbdtui serves a disk image over NBD, runs a command on it, and shows both live.

usage: nbdtui [options] PLUGIN [key=value ...] [--filter=FILTER ...] [--run COMMAND]
       nbdtui copy [options] SOURCE DESTINATION
       nbdtui tls-init [--host=NAME ...] DIR
       nbdtui replay [options] FILE
       nbdtui completion bash|zsh|fish
       nbdtui man

  nbdtui file big.iso --run 'qemu-img convert -p $nbd out'
  nbdtui memory 1G -U /tmp/disk.sock

`

// printHelp prints the general help, or that of the plugins and filters named.
func printHelp(w io.Writer, o *options, words []string) error {
	var b strings.Builder
	if len(words) == 0 && len(o.filters) == 0 {
		b.WriteString(usage)
		printTable(&b, "options", o.table(), spellOption)
		printRegistered(&b, block.Plugin)
		printRegistered(&b, block.Filter)
		b.WriteString("\nnbdtui --help NAME tells more of a plugin or filter.\n")
	}
	for _, name := range append(o.filters, words...) {
		r, ok := block.Lookup(block.Filter, name)
		if p, isPlugin := block.Lookup(block.Plugin, name); isPlugin {
			r, ok = p, true
		}
		if !ok && commands[name] != nil {
			return param.WithHint(fmt.Errorf("%s is a command of its own", name), "nbdtui --help shows how to call it")
		}
		if !ok {
			return param.WithHint(fmt.Errorf("no plugin or filter is called %q", name), "nbdtui --help lists them")
		}
		fmt.Fprintf(&b, "%s %s: %s\n\n%s\n\n", r.Kind, r.Name, r.Summary, strings.TrimSpace(r.Help))
		printTable(&b, "parameters", r.New().Table().Params, func(p param.Param) string {
			if p.Name == r.Magic {
				return fmt.Sprintf("[%s=]%s", p.Name, p.Kind)
			}
			return p.Name + "=" + p.Kind
		})
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printUsage prints the help of a command of its own.
func printUsage(w io.Writer, usage string, table []param.Param) error {
	var b strings.Builder
	b.WriteString(usage)
	printTable(&b, "options", table, spellOption)
	_, err := io.WriteString(w, b.String())
	return err
}

func spellOption(p param.Param) string {
	s := "    --" + p.Name
	if p.Short != "" {
		s = "-" + p.Short + ", --" + p.Name
	}
	if p.Kind != "" {
		s += "=" + p.Kind
	}
	return s
}

func printTable(b *strings.Builder, title string, table []param.Param, spell func(param.Param) string) {
	fmt.Fprintf(b, "%s:\n", title)
	width := 0
	for _, p := range table {
		width = max(width, len(spell(p)))
	}
	for _, p := range table {
		fmt.Fprintf(b, "  %-*s  %s\n", width, spell(p), explained(p))
	}
}

// explained is a parameter's help with what holds where nothing is said.
func explained(p param.Param) string {
	switch {
	case p.Need:
		return p.Help + " (must be given)"
	case p.Default != "":
		return p.Help + " (default " + p.Default + ")"
	}
	return p.Help
}

func printRegistered(b *strings.Builder, k block.Kind) {
	fmt.Fprintf(b, "\n%ss:\n", k)
	for _, r := range block.Registered(k) {
		fmt.Fprintf(b, "  %-13s  %s\n", r.Name, r.Summary) // the longest name is retry-request
	}
}
