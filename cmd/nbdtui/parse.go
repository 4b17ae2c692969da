package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"example.com/nbdtui/internal/param"
)

// parse reads the command line and returns what is no option: the plugin and its parameters.
func (o *options) parse(args []string) (words []string, err error) {
	o.ui, o.mask = "auto", 1<<32-1
	return parseTable("nbdtui", o.table(), args)
}

// parseTable reads options by their table and returns what is none.
func parseTable(name string, table []param.Param, args []string) (words []string, err error) {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SetInterspersed(os.Getenv("POSIXLY_CORRECT") == "")
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(canonical(table, name))
	})
	for _, p := range table {
		f := flags.VarPF(&value{p}, p.Name, p.Short, p.Help)
		if p.Kind == "" {
			f.NoOptDefVal = "true"
		}
	}
	if err := flags.Parse(args); err != nil {
		return nil, explain(table, err)
	}
	return flags.Args(), nil
}

// value makes a parameter a flag.
type value struct{ param.Param }

func (v *value) Set(s string) error { return v.Param.Set(s) }
func (v *value) String() string     { return v.Default }
func (v *value) Type() string       { return v.Kind }

// canonical is the option that a long name means: itself, an alias, or a prefix that only one option has.
func canonical(table []param.Param, name string) string {
	var found []string
	for _, p := range table {
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			if n == name {
				return p.Name
			}
			if strings.HasPrefix(n, name) && !slices.Contains(found, p.Name) {
				found = append(found, p.Name)
			}
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return name
}

// explain words pflag's errors for a user.
func explain(table []param.Param, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.Is(err, pflag.ErrHelp): // which is what pflag makes of an -h that is no option
		return param.WithHint(errors.New("unknown option -h"), "nbdtui --help lists the options")
	case errors.As(err, &unknown):
		return unknownOption(table, unknown)
	case errors.As(err, &missing):
		return param.WithHint(fmt.Errorf("option %s needs a value", spelled(missing.GetSpecifiedName())),
			"nbdtui --help lists the options")
	case errors.As(err, &invalid):
		return fmt.Errorf("option --%s=%s: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	return err
}

func unknownOption(table []param.Param, e *pflag.NotExistError) error {
	name := e.GetSpecifiedName()
	err := fmt.Errorf("unknown option %s", spelled(name))
	var names, starts []string
	for _, p := range table {
		names = append(append(names, p.Name), p.Aliases...)
		if strings.HasPrefix(p.Name, name) {
			starts = append(starts, "--"+p.Name)
		}
	}
	if len(starts) > 1 && len(name) > 1 {
		return param.WithHint(err, "it could be "+strings.Join(starts, " or "))
	}
	if near := param.Nearest(name, names); near != "" {
		return param.WithHint(err, fmt.Sprintf("did you mean --%s?", near))
	}
	return param.WithHint(err, "nbdtui --help lists the options")
}

func spelled(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
