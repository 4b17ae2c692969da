package plugins

import (
	"context"
	"errors"
	"path/filepath"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/program"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Plugin,
		Name:    "eval",
		Summary: "serve what pieces of shell script on the command line make of each request",
		Help: `Each method of a plugin is a key, and its value is run by /bin/sh: $1 is the method's name, $2 the handle that open
printed, and what follows depends on the method. Arguments, output, exit status and $tmpdir are those of the sh plugin.

    nbdtui eval get_size='echo 64M' pread='dd if=/dev/zero count=$3 iflag=count_bytes'

A method that is given makes its can_ method true where that is not given itself. Keys that are no methods are given to
config=, which must stand before them.

It does not keep a shell running between requests, so it is slow. load and magic_config_key are no methods here: nothing
is loaded, and there is no bare parameter. What else it does not do, sh tells.`,
		New: func() block.Builder { return &evalBuilder{} },
	})
}

// evalMethods are the keys, and what each is for.
var evalMethods = [][2]string{
	{"after_fork", "run when the sockets are bound"},
	{"block_size", "print the minimum, the preferred and the maximum block size"},
	{"cache", "read ahead $3 bytes from $4"},
	{"can_cache", "print none, emulate or native"},
	{"can_extents", "exit 0 where there is extents, 3 where not"},
	{"can_fast_zero", "exit 0 where zero heeds the word fast, 3 where not"},
	{"can_flush", "exit 0 where there is flush, 3 where not"},
	{"can_fua", "print none, emulate or native"},
	{"can_multi_conn", "exit 0 where a flush covers the writes of all clients, 3 where not"},
	{"can_trim", "exit 0 where there is trim, 3 where not"},
	{"can_write", "exit 0 where there is pwrite, 3 where not"},
	{"can_zero", "exit 0 where there is zero, 3 where not"},
	{"close", "run when the client has left"},
	{"config", "take the key $2 with the value $3"},
	{"config_complete", "run when all parameters were given"},
	{"default_export", "print the name that the empty one stands for"},
	{"dump_plugin", "print lines for --dump-plugin"},
	{"export_description", "print what the export is, for people"},
	{"extents", "print offset, length and type of what is in the $3 bytes from $4"},
	{"flush", "put what was written on stable storage"},
	{"get_ready", "run before the sockets are bound"},
	{"get_size", "print the size"},
	{"is_rotational", "exit 0 for a spinning disk, 3 for another"},
	{"list_exports", "print the names of the exports"},
	{"open", "print a handle for the export $3"},
	{"pread", "print the $3 bytes from $4"},
	{"preconnect", "run before the greeting; a failure refuses the client"},
	{"pwrite", "write the $3 bytes of standard input at $4"},
	{"thread_model", "print how many may run at once: parallel, serialize_requests and so on"},
	{"trim", "forget the $3 bytes from $4"},
	{"unload", "run at the end"},
	{"zero", "write $3 zeroes at $4"},
	{"missing", "run in the place of every other method"},
}

// evalImplies are the methods that stand for others, and what these do then.
var evalImplies = [][3]string{
	{"pwrite", "can_write", "exit 0"},
	{"flush", "can_flush", "exit 0"},
	{"trim", "can_trim", "exit 0"},
	{"zero", "can_zero", "exit 0"},
	{"extents", "can_extents", "exit 0"},
	{"cache", "can_cache", "echo native"},
}

// evalBuilder is the plugin being configured.
type evalBuilder struct {
	scriptBuilder
	argv map[string][]string // by method
}

func (b *evalBuilder) Table() param.Table {
	t := param.Table{Rest: b.config}
	for _, m := range evalMethods {
		t.Params = append(t.Params, param.Param{Name: m[0], Kind: "SCRIPT", Help: m[1], Set: func(text string) error {
			if b.argv[m[0]] != nil {
				return errors.New("it is given twice")
			}
			return b.define(m[0], text)
		}})
	}
	return t
}

// begin makes the directory that the methods are in.
func (b *evalBuilder) begin() (err error) {
	if b.script != nil {
		return nil
	}
	if b.script, err = newScript(); err != nil {
		return err
	}
	b.argv = map[string][]string{}
	b.script.argv = func(method string) []string {
		if argv := b.argv[method]; argv != nil {
			return argv
		}
		return b.argv["missing"]
	}
	return nil
}

// define writes a method to a file of its own.
func (b *evalBuilder) define(method, text string) error {
	if err := b.begin(); err != nil {
		return err
	}
	path := filepath.Join(b.script.dir.Path, method)
	if err := program.Write(path, text); err != nil {
		return err
	}
	b.argv[method] = program.Argv(path)
	return nil
}

func (b *evalBuilder) config(key, value string) error {
	if err := b.begin(); err != nil {
		return err
	}
	err := b.script.call(context.Background(), call{method: "config", args: []string{key, value}})
	if err == errMissing {
		return param.WithHint(errors.New("there is no such method, and no config= method to give it to"),
			"nbdtui --help eval lists the methods; config= must stand before what it is given")
	}
	return unexpected("config", err)
}

func (b *evalBuilder) Build(h block.Host) (block.Layer, error) {
	if err := b.begin(); err != nil {
		return nil, err
	}
	for _, i := range evalImplies {
		if b.argv[i[0]] == nil || b.argv[i[1]] != nil {
			continue
		}
		if err := b.define(i[1], i[2]); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b.build(h)
}
