package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/session"
)

// What the program prints of itself, instead of serving. Scripts read most of it: the forms are nbdkit's.

// print prints what o.show says.
func (o *options) print(w io.Writer, words []string) error {
	switch o.show {
	case "help":
		return printHelp(w, o, words)
	case "version":
		return o.printVersion(w, words)
	case "long-options":
		return printLines(w, o.longOptions())
	case "short-options":
		return printLines(w, o.shortOptions())
	case "dump-config":
		return printLines(w, config())
	}
	return o.dumpPlugin(w, words)
}

func printLines(w io.Writer, lines []string) error {
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// printVersion prints the program's version and, where a plugin is named, that of each layer, outermost first. They
// are built in, so they have the program's.
func (o *options) printVersion(w io.Writer, words []string) error {
	lines := []string{"nbdtui " + version}
	if len(words) > 0 {
		stack, err := layers(o.filters, words[0])
		if err != nil {
			return err
		}
		for _, r := range stack {
			lines = append(lines, r.Name+" "+version)
		}
	}
	return printLines(w, lines)
}

// layers looks up filters and a plugin by their names, outermost first.
func layers(filters []string, plugin string) (list []block.Registration, err error) {
	if _, err := session.Parse(plugin, filters, nil); err != nil {
		return nil, err
	}
	for _, name := range filters {
		r, _ := block.Lookup(block.Filter, name)
		list = append(list, r)
	}
	r, _ := block.Lookup(block.Plugin, plugin)
	return append(list, r), nil
}

// longOptions lists every long name but those of the two lists.
func (o *options) longOptions() (names []string) {
	for _, p := range o.table() {
		if p.Name == "long-options" || p.Name == "short-options" {
			continue
		}
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			names = append(names, "--"+n)
		}
	}
	slices.Sort(names)
	return names
}

func (o *options) shortOptions() (letters []string) {
	for _, p := range o.table() {
		if p.Short != "" {
			letters = append(letters, "-"+p.Short)
		}
	}
	slices.Sort(letters)
	return letters
}

// config is what --dump-config prints. There are no directories of plugins and filters: they are built in.
func config() []string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	number := strings.SplitN(version, ".", 3)
	dir := filepath.Dir(self)
	return []string{
		"binary=" + self,
		"bindir=" + dir,
		"builtin=yes",
		"exit_with_parent=yes",
		"filterdir=",
		"host_cpu=" + named(runtime.GOARCH, map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}),
		"host_os=" + named(runtime.GOOS, map[string]string{"linux": "linux-gnu"}),
		"libdir=",
		"mandir=",
		"name=nbdtui",
		"plugindir=",
		"root_tls_certificates_dir=/etc/pki/nbdkit",
		"sbindir=" + dir,
		"selinux=" + yesNo(runtime.GOOS == "linux"),
		"sysconfdir=/etc",
		"tls=yes",
		"version=" + version,
		"version_major=" + number[0],
		"version_minor=" + number[1],
		"zstd=yes",
	}
}

// named is Go's word in the words of the GNU build system, which scripts expect.
func named(word string, gnu map[string]string) string {
	if other, ok := gnu[word]; ok {
		return other
	}
	return word
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

var threadModels = map[block.Threads]string{
	block.Parallel:             "parallel",
	block.SerializeRequests:    "serialize_requests",
	block.SerializeAllRequests: "serialize_all_requests",
	block.SerializeConnections: "serialize_connections",
}

// dumpPlugin checks the parameters, one by one, and tells of the plugin; path, API and callbacks are of plugins that
// are files. thread_model counts the filters in. What the plugin itself knows comes last.
func (o *options) dumpPlugin(w io.Writer, words []string) error {
	if len(words) == 0 {
		return param.WithHint(errors.New("--dump-plugin needs a plugin"), "for example: nbdtui --dump-plugin file")
	}
	if err := o.exclusions(); err != nil {
		return err
	}
	stack, err := session.Parse(words[0], o.filters, words[1:])
	if err != nil {
		return err
	}
	defer stack.Close()
	own, strictest, err := stack.Dump()
	if err != nil {
		return err
	}
	plugin, _ := block.Lookup(block.Plugin, words[0])
	lines := []string{
		"path=",
		"name=" + plugin.Name,
		"version=" + version,
		"builtin=yes",
		"max_thread_model=" + threadModels[plugin.Threads],
		"thread_model=" + threadModels[strictest],
		"errno_is_preserved=1",
	}
	if plugin.Magic != "" {
		lines = append(lines, "magic_config_key="+plugin.Magic)
	}
	for _, p := range plugin.New().Table().Params {
		lines = append(lines, fmt.Sprintf("parameter_%s=%s", p.Name, p.Kind))
	}
	_, err = io.WriteString(w, strings.Join(lines, "\n")+"\n"+own)
	return err
}
