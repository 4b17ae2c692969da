package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// docs/plugins.md and docs/filters.md are made of what the layers say of themselves.
func TestTheReferenceIsWhatTheLayersSay(t *testing.T) {
	for _, k := range []block.Kind{block.Plugin, block.Filter} {
		golden(t, fmt.Sprintf("../../../docs/%ss.md", k), reference(k))
	}
}

// A layer's help also says what it does not do.
func TestEveryLayerSaysWhatItDoesNot(t *testing.T) {
	for _, k := range []block.Kind{block.Plugin, block.Filter} {
		for _, r := range block.Registered(k) {
			if !regexp.MustCompile(`(?i)\b(does|do|is|are|will) not\b|\bcannot\b|\bnever\b`).MatchString(r.Help) {
				t.Errorf("%s %s says only what it does:\n%s", k, r.Name, r.Help)
			}
			if r.Summary == "" || strings.HasSuffix(r.Summary, ".") {
				t.Errorf("%s %s: the summary is %q", k, r.Name, r.Summary)
			}
		}
	}
}

var introductions = map[block.Kind]string{
	block.Plugin: "A plugin is where the bytes come from. Its name comes first on the command line, its parameters behind it:\n" +
		"`nbdtui memory size=1G`. The value in brackets may be given without its name.",
	block.Filter: "A filter stands between the clients and the plugin. The first `--filter` is nearest to the clients, and a parameter goes\n" +
		"to the first filter that knows it.",
}

// reference is a page about all of a kind.
func reference(k block.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The %ss\n\n%s\n\nThis page is made of what `nbdtui --help NAME` says; a test keeps them equal.\n\n", k, introductions[k])
	fmt.Fprintf(&b, "| %s | does |\n|---|---|\n", k)
	for _, r := range block.Registered(k) {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", r.Name, r.Name, cell(r.Summary))
	}
	for _, r := range block.Registered(k) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", r.Name, prose(r.Help))
		table := r.New().Table().Params
		if len(table) == 0 {
			b.WriteString("\nIt has no parameters.\n")
			continue
		}
		b.WriteString("\n| parameter | default | meaning |\n|---|---|---|\n")
		for _, p := range table {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", spellParameter(r, p), cell(preset(p)), cell(p.Help))
		}
	}
	return b.String()
}

func spellParameter(r block.Registration, p param.Param) string {
	if p.Name == r.Magic {
		return "[" + p.Name + "=]" + p.Kind
	}
	return p.Name + "=" + p.Kind
}

// preset is what holds where nothing is said.
func preset(p param.Param) string {
	switch {
	case p.Need:
		return "must be given"
	case p.Default != "":
		return "`" + p.Default + "`"
	}
	return ""
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// prose is a help text in Markdown: indented lines are an example there and here.
func prose(help string) string {
	lines := strings.Split(strings.TrimSpace(help), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "    ") {
			lines[i] = regexp.MustCompile(`[*<_]`).ReplaceAllString(line, `\$0`)
		}
	}
	return strings.Join(lines, "\n")
}
