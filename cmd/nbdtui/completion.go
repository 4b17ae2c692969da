package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// completions make a shell's script.
var completions = map[string]func() string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

// completionCommand is nbdtui completion.
func completionCommand(args []string, _, stdout, _ *os.File) error {
	if len(args) != 1 || completions[args[0]] == nil {
		return param.WithHint(fmt.Errorf("completion needs a shell, and was given %q", strings.Join(args, " ")),
			"for example: nbdtui completion bash >/etc/bash_completion.d/nbdtui; there is bash, zsh and fish")
	}
	_, err := io.WriteString(stdout, completions[args[0]]())
	return err
}

// candidates is what a value may be completed with, as its kind says.
type candidates struct {
	words []string // these
	files bool     // or files
	users string   // or "user" or "group"
}

func candidatesOf(p param.Param) candidates {
	switch {
	case strings.Contains(p.Kind, "|"):
		return candidates{words: strings.Split(p.Kind, "|")}
	case p.Kind == "FILTER":
		return candidates{words: names(block.Filter)}
	case p.Kind == "PATH", p.Kind == "SOCKET", p.Kind == "DIR":
		return candidates{files: true}
	case p.Kind == "USER", p.Kind == "GROUP":
		return candidates{users: strings.ToLower(p.Kind)}
	}
	return candidates{}
}

// names lists all plugins or filters.
func names(k block.Kind) (list []string) {
	for _, r := range block.Registered(k) {
		list = append(list, r.Name)
	}
	return list
}

// firstWords can stand first: a plugin or a command of ours.
func firstWords() []string {
	return append(names(block.Plugin), commandNames...)
}

// keysOf are a layer's parameters, as they are typed.
func keysOf(r block.Registration) (keys []string) {
	for _, p := range r.New().Table().Params {
		keys = append(keys, p.Name+"=")
	}
	return keys
}

// allKeys are those of all layers, each once.
func allKeys() (keys []string) {
	for _, r := range registered() {
		keys = append(keys, keysOf(r)...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// registered are all layers, plugins first.
func registered() []block.Registration {
	return append(block.Registered(block.Plugin), block.Registered(block.Filter)...)
}

// spellings are all of an option's: long ones, then the short one.
func spellings(p param.Param) []string {
	all := []string{"--" + p.Name}
	for _, a := range p.Aliases {
		all = append(all, "--"+a)
	}
	if p.Short != "" {
		all = append(all, "-"+p.Short)
	}
	return all
}
