package session

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// Stack is a plugin and its filters, configured but not built: what the command line said, checked word by word.
type Stack struct {
	levels []level // outermost filter first, the plugin last
	Source string  // what is served, for people
}

type level struct {
	block.Registration
	builder block.Builder
	table   param.Table
	given   map[string]bool // keys set so far
}

// Configure is Parse, and refuses a stack to which a parameter is missing. The caller closes the stack in the end,
// whether or not it was built.
func Configure(plugin string, filters, words []string) (*Stack, error) {
	s, err := Parse(plugin, filters, words)
	if err != nil {
		return nil, err
	}
	for _, l := range s.levels {
		for _, p := range l.table.Params {
			if p.Need && !l.given[p.Name] {
				s.Close()
				return nil, param.WithHint(fmt.Errorf("%s %s: %s= must be given", l.Kind, l.Name, p.Name),
					fmt.Sprintf("add %s=%s: %s", p.Name, p.Kind, p.Help))
			}
		}
	}
	return s, nil
}

// Parse looks the layers up and gives them their parameters. filters are outermost first. A word is key=value, for the
// outermost layer that knows the key, or a bare value, for the plugin's magic key.
func Parse(plugin string, filters, words []string) (*Stack, error) {
	s := &Stack{Source: plugin}
	for _, f := range filters {
		if err := s.add(block.Filter, f); err != nil {
			return nil, err
		}
	}
	if err := s.add(block.Plugin, plugin); err != nil {
		return nil, err
	}
	for _, w := range words {
		if err := s.set(w); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close lets go of what the layers took to be configured, and have not been built with. More than once is no error.
func (s *Stack) Close() error {
	var errs []error
	for _, l := range s.levels {
		if c, ok := l.builder.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Dump is what the plugin tells of itself when it has its parameters, and the strictest thread model of the layers.
func (s *Stack) Dump() (lines string, strictest block.Threads, err error) {
	for _, l := range s.levels {
		t := l.Threads
		if d, ok := l.builder.(block.Dumper); ok {
			if lines, t, err = d.Dump(); err != nil {
				return "", 0, fmt.Errorf("%s %s: %w", l.Kind, l.Name, err)
			}
		}
		strictest = max(strictest, t)
	}
	return lines, strictest, nil
}

func (s *Stack) add(k block.Kind, name string) error {
	if key, value, ok := param.Key(name); ok {
		hint := fmt.Sprintf("name the %s first, and its parameters behind it", k)
		if _, known := block.Lookup(k, key); known && k == block.Plugin {
			hint = fmt.Sprintf("say nbdtui %s %s", key, value)
		}
		return param.WithHint(fmt.Errorf("%q stands where a %s should", name, k), hint)
	}
	if strings.ContainsAny(name, "./") {
		hint := fmt.Sprintf("%ss are built in; say only the name", k)
		if k == block.Plugin {
			hint += `, and for a disk image: nbdtui file ` + name
		}
		return param.WithHint(fmt.Errorf("%s %q is a path", k, name), hint)
	}
	r, ok := block.Lookup(k, name)
	if !ok {
		var names []string
		for _, r := range block.Registered(k) {
			names = append(names, r.Name)
		}
		hint := fmt.Sprintf("the %ss are: %s", k, strings.Join(names, ", "))
		if first, _, several := strings.Cut(name, ","); several && k == block.Filter {
			hint = fmt.Sprintf("say --filter once for each: --filter=%s --filter=...", first)
		} else if near := param.Nearest(name, names); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		} else if k == block.Plugin && onDisk(name) {
			hint = "for a disk image: nbdtui file " + name
		}
		return param.WithHint(fmt.Errorf("unknown %s %q", k, name), hint)
	}
	if r.Gate && s.gated() {
		return param.WithHint(fmt.Errorf("filter %s is given twice, and a session has one gate", name),
			"give it once; several programs may use its socket at the same time")
	}
	b := r.New()
	s.levels = append(s.levels, level{r, b, b.Table(), map[string]bool{}})
	return nil
}

// Steer adds filters that are to have their knobs while the session runs, where they are not there yet: outermost but
// for the gate, and doing nothing until a knob is turned.
func (s *Stack) Steer(filters ...string) error {
	outer := &Stack{}
	for _, f := range filters {
		if slices.ContainsFunc(s.levels, func(l level) bool { return l.Kind == block.Filter && l.Name == f }) {
			continue
		}
		if err := outer.add(block.Filter, f); err != nil {
			return err
		}
	}
	at := 0
	if s.levels[0].Gate {
		at = 1
	}
	s.levels = slices.Insert(s.levels, at, outer.levels...)
	return nil
}

// gated reports whether a filter names the gate's place.
func (s *Stack) gated() bool {
	return slices.ContainsFunc(s.levels, func(l level) bool { return l.Gate })
}

// set gives one word to the layer it is for.
func (s *Stack) set(word string) error {
	plugin := &s.levels[len(s.levels)-1]
	key, value, ok := param.Key(word)
	if !ok {
		if key = plugin.magicKey(); key == "" {
			return param.WithHint(fmt.Errorf("%s takes no bare value, and %q is one", plugin.Name, word),
				"say key=value; nbdtui --help "+plugin.Name+" lists the keys")
		}
	}
	if key == plugin.Magic {
		s.Source = source(plugin.Name, key, value)
	}
	l, p := s.find(key)
	switch {
	case l != nil:
		l.given[key] = true
		if err := p.Apply(value); err != nil {
			return fmt.Errorf("%s %s: %w", l.Kind, l.Name, err)
		}
		return nil
	case plugin.table.Rest != nil:
		if err := plugin.table.Rest(key, value); err != nil {
			return fmt.Errorf("plugin %s: %s=%s: %w", plugin.Name, key, value, err)
		}
		return nil
	}
	if plugin.Magic == "file" && onDisk(word) { // a name that happens to look like key=value
		return param.WithHint(fmt.Errorf("unknown parameter %q", key), fmt.Sprintf("for the file of that name: file=%s", word))
	}
	return s.unknown(key)
}

func onDisk(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// magicKey is the key that a bare word is the value of.
func (l *level) magicKey() string {
	if k, ok := l.builder.(block.Keyer); ok {
		return k.MagicKey()
	}
	return l.Magic
}

// source names what is served by the plugin's main parameter.
func source(plugin, key, value string) string {
	if key == "file" || key == "dir" {
		return filepath.Base(value)
	}
	return plugin + " " + value
}

// find returns the outermost layer that knows key; where the same filter stands several times, the outermost one
// that was not given the key yet, so that its parameters count in order of appearance.
func (s *Stack) find(key string) (*level, param.Param) {
	var first *level
	var found param.Param
	for i := range s.levels {
		l := &s.levels[i]
		p, ok := l.table.Lookup(key)
		if !ok || first != nil && l.Name != first.Name {
			continue
		}
		if !l.given[key] {
			return l, p
		}
		if first == nil {
			first, found = l, p
		}
	}
	return first, found
}

func (s *Stack) unknown(key string) error {
	var names []string
	for _, l := range s.levels {
		for _, p := range l.table.Params {
			names = append(names, p.Name)
		}
	}
	err := fmt.Errorf("unknown parameter %q", key)
	// A key of a filter that was not asked for is the likeliest mistake of all.
	for _, r := range block.Registered(block.Filter) {
		if _, ok := r.New().Table().Lookup(key); ok {
			return param.WithHint(err, fmt.Sprintf("filter %s has it: add --filter=%s", r.Name, r.Name))
		}
	}
	if near := param.Nearest(key, names); near != "" {
		return param.WithHint(err, fmt.Sprintf("did you mean %s=?", near))
	}
	return param.WithHint(err, "the parameters are: "+strings.Join(names, ", "))
}

// Prompt reports whether every layer understands block.NoWait.
func (s *Stack) Prompt() bool {
	return !slices.ContainsFunc(s.levels, func(l level) bool { return !l.Prompt })
}
