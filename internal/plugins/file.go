// Package plugins is where bytes come from: one file a plugin, each registered by its init. Importing the package is
// all that it takes to have them.
package plugins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

func init() {
	block.Register(block.Registration{
		Kind:    block.Plugin,
		Name:    "file",
		Summary: "serve a disk image, a block device or a directory of them",
		Help: `Serves file=, or with dir= each regular file and block device in a directory, the export's name choosing
one. fd= and dirfd= are the same, already open. A file that may not be written is served read-only.

It does not read image formats (qcow2 and the like are served as they are), does not lock the file, does not look
into subdirectories, and does not change a file's size. Where the file system cannot make holes, trim does nothing and
zeroes are written. Large reads are sent from the page cache itself: until a client has received them, a later write
shows through (--no-splice copies instead).`,
		Magic:  "file",
		Prompt: true,
		New:    func() block.Builder { return &fileBuilder{} },
	})
}

// fileBuilder is the plugin being configured.
type fileBuilder struct {
	key, value string // the one of file, dir, fd and dirfd that was given
	fd         int    // the value of fd or dirfd
	options    block.DiskOptions
}

func (b *fileBuilder) Table() param.Table {
	return param.Table{Params: []param.Param{
		{Name: "file", Kind: "PATH", Help: "the file or block device to serve", Set: b.source("file")},
		{Name: "dir", Kind: "PATH", Help: "the directory whose files to serve, by name", Set: b.source("dir")},
		{Name: "directory", Kind: "PATH", Help: "the same as dir", Set: b.source("dir")},
		{Name: "fd", Kind: "NUMBER", Help: "an open file to serve, inherited", Set: b.descriptor("fd")},
		{Name: "dirfd", Kind: "NUMBER", Help: "an open directory to serve, inherited", Set: b.descriptor("dirfd")},
		{Name: "fadvise", Kind: "normal|random|sequential", Default: "normal",
			Help: "how the file will be read", Set: b.advice},
		{Name: "cache", Kind: "default|none", Default: "default",
			Help: "none keeps what is served out of the page cache", Set: b.cache},
		{Name: "rdelay", Kind: "TIME", Help: "refused: the delay filter has it", Set: delayed},
		{Name: "wdelay", Kind: "TIME", Help: "refused: the delay filter has it", Set: delayed},
	}}
}

func (b *fileBuilder) source(key string) func(string) error {
	return func(value string) error {
		switch {
		case b.key != "":
			return param.WithHint(fmt.Errorf("%s=%s was given before, and only one of file, dir, fd and dirfd can be", b.key, b.value),
				"serve the files of one directory with dir=")
		case value == "":
			return errors.New("the path is empty")
		}
		b.key, b.value = key, value
		return nil
	}
}

func (b *fileBuilder) descriptor(key string) func(string) error {
	return func(value string) error {
		n, err := param.ParseUint(value, 1<<30)
		if err != nil {
			return err
		}
		if n <= 2 {
			return errors.New("must be more than 2: the first three are the standard input and outputs")
		}
		b.fd = int(n)
		return b.source(key)(value)
	}
}

func (b *fileBuilder) advice(value string) error {
	a, ok := map[string]block.Advice{"normal": block.Normal, "random": block.Random, "sequential": block.Sequential}[value]
	if !ok {
		return errors.New("must be normal, random or sequential")
	}
	b.options.Advice = a
	return nil
}

func (b *fileBuilder) cache(value string) error {
	if value != "default" && value != "none" {
		return errors.New("must be default or none")
	}
	b.options.Evict = value == "none"
	return nil
}

func delayed(string) error {
	return param.WithHint(errors.New("the file plugin does not delay"), "add --filter=delay")
}

// Dump says what the platform can do with a file; whether a file system and a device can too, they show on first use.
func (b *fileBuilder) Dump() (lines string, _ block.Threads, _ error) {
	if runtime.GOOS == "linux" {
		lines = "file_blksszget=yes\nfile_blkzeroout=yes\nfile_extents=yes\nfile_falloc_fl_punch_hole=yes\nfile_falloc_fl_zero_range=yes\n"
	}
	return lines, block.Parallel, nil
}

func (b *fileBuilder) Build(h block.Host) (block.Layer, error) {
	l := &fileLayer{options: b.options, disks: map[diskKey]*sharedDisk{}}
	l.options.ReadOnly = h.ReadOnly
	var err error
	switch b.key {
	case "":
		err = param.WithHint(errors.New("nothing to serve"), "name a file: nbdtui file disk.img")
	case "file":
		err = l.setFile(b.value)
	case "dir":
		err = l.setDir(b.value)
	case "fd":
		err = l.setDescriptor(b.fd)
	case "dirfd":
		unix.CloseOnExec(b.fd)
		err = l.setDir(fmt.Sprintf("/dev/fd/%d", b.fd))
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// fileLayer shares one open file an export among the clients, so that a flush by one covers what all wrote.
type fileLayer struct {
	path    string // of the file; empty with dir and fd
	dir     string // empty with file and fd
	options block.DiskOptions
	own     *sharedDisk // with fd: open as long as the layer is

	mu    sync.Mutex
	disks map[diskKey]*sharedDisk
}

type diskKey struct {
	name     string
	readOnly bool
}

type sharedDisk struct {
	*block.Disk
	clients int
}

// setFile opens the file once, so that what is wrong with it is said at the start.
func (l *fileLayer) setFile(path string) error {
	d, err := block.OpenDisk(path, l.options)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == "-":
		return param.WithHint(err, "a disk is read anywhere, so it cannot come from standard input: name a file")
	case errors.Is(err, fs.ErrNotExist) && path[0] == '~':
		return param.WithHint(err, "the shell replaces ~ only at the beginning of a word: write $HOME")
	case errors.Is(err, fs.ErrNotExist):
		return param.WithHint(err, "check the name; truncate -s 1G NAME makes an empty disk image")
	case errors.Is(err, fs.ErrPermission):
		return param.WithHint(err, "the file must be readable by the user that nbdtui runs as")
	case errors.Is(err, block.ErrNotDisk):
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return param.WithHint(fmt.Errorf("%s is a directory", path), "name a file in it, or serve them all with dir="+path)
		}
		return param.WithHint(err, "serve a disk image, or a block device such as /dev/sdb")
	case err != nil:
		return err
	}
	// The client that comes next must find the same file, wherever a link points by then.
	if l.path, err = realPath(path); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}

func (l *fileLayer) setDir(path string) error {
	_, err := os.ReadDir(path)
	if errors.Is(err, unix.ENOTDIR) {
		return param.WithHint(fmt.Errorf("%s is not a directory", path), "serve a single file with file="+path)
	}
	if err == nil {
		l.dir, err = realPath(path)
	}
	return err
}

func realPath(path string) (string, error) {
	p, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(p)
}

// setDescriptor takes a file that is open already, and is not closed before the layer is: it cannot be opened again.
func (l *fileLayer) setDescriptor(fd int) error {
	mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return param.WithHint(fmt.Errorf("descriptor %d is not open", fd), fmt.Sprintf("open it in the shell: %d<>disk.img", fd))
	}
	if mode&unix.O_ACCMODE == unix.O_WRONLY {
		return fmt.Errorf("descriptor %d is open for writing only", fd)
	}
	unix.CloseOnExec(fd) // the captive does not inherit it
	o := l.options
	o.ReadOnly = o.ReadOnly || mode&unix.O_ACCMODE == unix.O_RDONLY
	d, err := block.NewDisk(os.NewFile(uintptr(fd), fmt.Sprintf("descriptor %d", fd)), o)
	if err != nil {
		return err
	}
	l.own = &sharedDisk{Disk: d}
	return nil
}

// Open gives a client its view of the file, which is opened for the first one and closed behind the last.
func (l *fileLayer) Open(_ context.Context, o block.OpenRequest, _ block.Opener) (block.Handler, error) {
	path := l.path
	key := diskKey{readOnly: l.options.ReadOnly || o.ReadOnly}
	if l.dir != "" {
		if o.Name == "" || o.Name == "." || o.Name == ".." || strings.Contains(o.Name, "/") {
			return nil, fmt.Errorf("no export %q: name a file of the directory", o.Name)
		}
		key.name, path = o.Name, filepath.Join(l.dir, o.Name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.own
	if d == nil {
		d = l.disks[key]
	}
	if d == nil {
		options := l.options
		options.ReadOnly = key.readOnly
		opened, err := block.OpenDisk(path, options)
		if err != nil {
			return nil, err
		}
		d = &sharedDisk{Disk: opened}
		l.disks[key] = d
	}
	c := &fileClient{Disk: d.Disk, leave: func() error { return l.leave(key, d) }}
	d.clients++
	var err error
	if c.size, err = d.Disk.Size(); err != nil {
		return nil, errors.Join(err, l.drop(key, d))
	}
	return block.FromDevice(c, block.Info{
		ReadOnly:  key.readOnly || d.ReadOnly(),
		MultiConn: true,
		FastZero:  true,
	}), nil
}

func (l *fileLayer) leave(key diskKey, d *sharedDisk) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.drop(key, d)
}

// drop counts one client out. Called with mu held.
func (l *fileLayer) drop(key diskKey, d *sharedDisk) error {
	if d.clients--; d.clients > 0 || d == l.own {
		return nil
	}
	delete(l.disks, key)
	return d.Close()
}

// List names the files of the directory; else there is one export, with the empty name.
func (l *fileLayer) List(context.Context, block.ListRequest, block.Listing) ([]block.Export, error) {
	if l.dir == "" {
		return []block.Export{{}}, nil
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	var list []block.Export
	for _, e := range entries {
		path := filepath.Join(l.dir, e.Name())
		if info, err := os.Stat(path); err == nil && block.CheckDisk(path, info) == nil {
			list = append(list, block.Export{Name: e.Name()})
		}
	}
	return list, nil
}

func (l *fileLayer) Close() error {
	if l.own != nil {
		return l.own.Close()
	}
	return nil
}

// fileClient is one client's view: the shared disk, as long as it was when the client came.
type fileClient struct {
	*block.Disk
	size  uint64
	leave func() error
}

func (c *fileClient) Size() uint64 { return c.size }

func (c *fileClient) Close() error { return c.leave() }

// What a disk can do beyond reading: block.FromDevice finds these by their methods.
var (
	_ block.Replier  = (*fileClient)(nil)
	_ block.Syncer   = (*fileClient)(nil)
	_ block.Trimmer  = (*fileClient)(nil)
	_ block.Zeroer   = (*fileClient)(nil)
	_ block.Extenter = (*fileClient)(nil)
	_ block.Cacher   = (*fileClient)(nil)
	_ block.Prompter = (*fileClient)(nil)
)
