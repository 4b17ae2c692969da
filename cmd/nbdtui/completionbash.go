package main

import (
	"fmt"
	"slices"
	"strings"
)

// bashCompletion is for bash 4 and newer, which breaks words at "=".
func bashCompletion() string {
	var o options
	var long, values, keys, files []string
	for _, p := range o.table() {
		long = append(long, "--"+p.Name)
		if p.Kind != "" {
			values = append(values, fmt.Sprintf("\t%s) %s ;;", strings.Join(spellings(p), "|"), bashReply(candidatesOf(p))))
		}
	}
	for _, r := range registered() {
		keys = append(keys, fmt.Sprintf("\t\t%s) words+=\" %s\" ;;", r.Name, strings.Join(keysOf(r), " ")))
		for _, p := range r.New().Table().Params {
			if candidatesOf(p).files && !slices.Contains(files, p.Name) {
				files = append(files, p.Name)
			}
		}
	}
	return `# bash completion of nbdtui, made by: nbdtui completion bash
_nbdtui() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} key= words= i
	if [[ $cur == = ]]; then
		cur= key=$prev
	elif [[ $prev == = ]]; then
		key=${COMP_WORDS[COMP_CWORD-2]} prev=$key
	fi
	COMPREPLY=()
	case ${key:-$prev} in
` + strings.Join(values, "\n") + `
	esac
	if [[ $key ]]; then
		case $key in
		` + strings.Join(files, "|") + `) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		esac
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "` + strings.Join(long, " ") + `" -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
` + strings.Join(keys, "\n") + `
		completion) words+=" bash zsh fish" ;;
		esac
	done
	if [[ ! $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "` + strings.Join(firstWords(), " ") + `" -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if [[ ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace
	elif [[ ! ${COMPREPLY[0]} ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _nbdtui nbdtui
`
}

// bashReply completes an option's value.
func bashReply(c candidates) string {
	const reply = `mapfile -t COMPREPLY < <(compgen %s -- "$cur"); return`
	switch {
	case c.words != nil:
		return fmt.Sprintf(reply, fmt.Sprintf("-W %q", strings.Join(c.words, " ")))
	case c.files:
		return "compopt -o filenames; " + fmt.Sprintf(reply, "-f")
	case c.users != "":
		return fmt.Sprintf(reply, "-A "+c.users)
	}
	return "return"
}
