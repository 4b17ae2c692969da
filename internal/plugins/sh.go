package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/program"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Plugin,
		Name:    "sh",
		Summary: "serve what a script makes of each request",
		Help: `Runs script= for every method of a plugin, with the method's name as its first argument: get_size, pread, pwrite
and so on, as nbdkit-sh-plugin(3) has them. It may be any program, and a script without a #! line is run by /bin/sh; with
- it is read from standard input. Keys that nobody else knows are given to its config method. The directory $tmpdir is
its own, and removed in the end.

    nbdtui sh - <<'EOF'
      case "$1" in
        get_size) echo 1M ;;
        pread) dd if=/dev/zero count=$3 iflag=count_bytes ;;
        *) exit 2 ;;
      esac
    EOF

Exit status 0 is success, 2 a missing method, 3 false; 4 ends the session, and so does 5 with an error; 6 disconnects the
client by force, 7 softly, 8 softly and with an error; any other is an error, which may be named at the beginning of
standard error: "ENOSPC no room". can_write, can_flush, can_trim, can_zero and can_extents must be there, or the script is
never asked to. It is run once at a time unless its thread_model method says otherwise.

It does not keep the script running between requests, so it is slow. Only pwrite has something to read on standard input.
What a method leaves running in the background is not ended with it, and may hold up its answer for a second. When the
client is gone or cut off, the script that serves it is killed with its process group, without a warning. When the server
ends, one that runs gets TERM first, unless it is flush or close, and is not killed for another five seconds. When nbdtui
itself is killed so is the script that runs, but not what it started. The methods name, version, longname, description
and config_help are never called.`,
		Magic: "script",
		New:   func() block.Builder { return &shBuilder{} },
	})
}

// shBuilder is the plugin being configured.
type shBuilder struct {
	scriptBuilder
	magic string // the script's own magic key
}

func (b *shBuilder) Table() param.Table {
	return param.Table{
		Params: []param.Param{
			{Name: "script", Kind: "PATH", Help: "the script, or - to read it from standard input", Need: true, Set: b.set},
		},
		Rest: b.config,
	}
}

// set takes the script, and what comes after it by the same name.
func (b *shBuilder) set(value string) (err error) {
	if b.script != nil {
		return b.config("script", value)
	}
	var path, inline string
	if value == "-" {
		inline, err = readScript()
	} else {
		path, err = findScript(value)
	}
	if err != nil {
		return err
	}
	if b.script, err = newScript(); err != nil {
		return err
	}
	if value == "-" {
		path = filepath.Join(b.script.dir.Path, "inline-script.sh")
		if err := program.Write(path, inline); err != nil {
			return err
		}
	}
	argv := program.Argv(path)
	b.script.argv = func(string) []string { return argv }
	if err := b.script.do(context.Background(), nil, "load"); err != nil {
		return err
	}
	key, _, err := b.script.text(context.Background(), nil, "magic_config_key")
	b.magic = strings.TrimSuffix(key, "\n")
	return err
}

func readScript() (string, error) {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return "", fmt.Errorf("read the script: %w", err)
	}
	if len(text) == 0 {
		return "", param.WithHint(errors.New("there is no script on standard input"), "nbdtui sh - <script.sh")
	}
	return string(text), nil
}

// findScript is the script's real path, so that it does not depend on where links point later.
func findScript(path string) (string, error) {
	if path == "" {
		return "", errors.New("the path is empty")
	}
	found, err := realPath(path)
	if err != nil {
		return "", param.WithHint(err, "check the name; - reads a script from standard input")
	}
	info, err := os.Stat(found)
	switch {
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s is a directory", path)
	case unix.Access(found, unix.X_OK) != nil:
		return "", param.WithHint(fmt.Errorf("%s may not be executed", path), "chmod +x "+path)
	}
	return found, nil
}

// config gives the script a parameter of its own.
func (b *shBuilder) config(key, value string) error {
	if b.script == nil {
		return param.WithHint(errors.New("the first parameter must be the script"), "nbdtui sh /path/to/script key=value")
	}
	err := b.script.call(context.Background(), call{method: "config", args: []string{key, value}})
	if err == errMissing {
		return param.WithHint(errors.New("this script takes no parameters"), "it has no config method, or that ends with status 2")
	}
	return unexpected("config", err)
}

// MagicKey is script at first, then the script's own.
func (b *shBuilder) MagicKey() string {
	if b.script == nil {
		return "script"
	}
	return b.magic
}

func (b *shBuilder) Build(h block.Host) (block.Layer, error) { return b.build(h) }
