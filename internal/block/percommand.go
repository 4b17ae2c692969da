package block

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// PerCommand has one T for each command. Written as JSON it is an object by the commands' names, of those whose T is
// not zero.
type PerCommand[T any] [Commands]T

func (p PerCommand[T]) MarshalJSON() ([]byte, error) {
	named := map[string]T{}
	for cmd, v := range p {
		if !reflect.ValueOf(v).IsZero() {
			named[Cmd(cmd).String()] = v
		}
	}
	return json.Marshal(named)
}

func (p *PerCommand[T]) UnmarshalJSON(b []byte) error {
	var named map[string]T
	if err := json.Unmarshal(b, &named); err != nil {
		return err
	}
	*p = PerCommand[T]{}
	for name, v := range named {
		cmd, err := cmdNamed(name)
		if err != nil {
			return err
		}
		p[cmd] = v
	}
	return nil
}

func cmdNamed(name string) (Cmd, error) {
	for cmd := range Cmd(Commands) {
		if cmd.String() == name {
			return cmd, nil
		}
	}
	return 0, fmt.Errorf("command %q: no such command", name)
}

// MarshalText is the command's name.
func (c Cmd) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText takes it back.
func (c *Cmd) UnmarshalText(b []byte) (err error) {
	*c, err = cmdNamed(string(b))
	return err
}

// MarshalJSON and UnmarshalJSON are PerCommand's.
func (n Counts) MarshalJSON() ([]byte, error)  { return PerCommand[OpCount](n).MarshalJSON() }
func (n *Counts) UnmarshalJSON(b []byte) error { return (*PerCommand[OpCount])(n).UnmarshalJSON(b) }
