package plugins

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// evaluated builds an eval plugin of key=value words, closed with the test.
func evaluated(t *testing.T, words ...string) (*script, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	b := &evalBuilder{}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	if err := configure(b, words); err != nil {
		return nil, err
	}
	l, err := b.Build(block.Host{Shutdown: func() {}})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.(*script), nil
}

func configure(b block.Builder, words []string) error {
	table := b.Table()
	for _, word := range words {
		key, value, _ := param.Key(word)
		p, ok := table.Lookup(key)
		if !ok {
			p = param.Param{Set: func(string) error { return table.Rest(key, value) }}
		}
		if err := p.Set(value); err != nil {
			return err
		}
	}
	return nil
}

// sized opens an export of 1 MiB with more methods.
func sized(t *testing.T, o block.OpenRequest, words ...string) block.Handler {
	t.Helper()
	s, err := evaluated(t, append([]string{"get_size=echo 1M"}, words...)...)
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Open(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func request(t *testing.T, h block.Handler, r block.Request) (string, []block.Extent, error) {
	a := block.GetAnswer(false)
	defer a.Put()
	err := h.Serve(t.Context(), r, a.Reply())
	var b []byte
	for _, s := range a.Segments() {
		b = append(b, s.Data...)
	}
	return string(b), append([]block.Extent(nil), a.Extents()...), err
}

func TestWhatAScriptComplainsOf(t *testing.T) {
	for said, want := range map[string]struct {
		errno syscall.Errno
		text  string
	}{
		"":                       {syscall.EIO, ""},
		"ENOSPC":                 {syscall.ENOSPC, ""},
		"ENOSPC no room\nmore":   {syscall.ENOSPC, "no room"},
		"enospc\tno room":        {syscall.ENOSPC, "no room"},
		"EPERM\n\n later":        {syscall.EPERM, "later"},
		"EINVALID x":             {syscall.EIO, "EINVALID x"},
		"EPERM: x":               {syscall.EIO, "EPERM: x"},
		" EPERM x":               {syscall.EIO, " EPERM x"},
		"ENOENT no such file":    {syscall.EIO, "ENOENT no such file"},
		"cat: /x: No such file.": {syscall.EIO, "cat: /x: No such file."},
		"EOPNOTSUPP":             {syscall.EOPNOTSUPP, ""},
		"ESHUTDOWN":              {syscall.ESHUTDOWN, ""},
		"EOVERFLOW a":            {syscall.EOVERFLOW, "a"},
		"EDQUOT a":               {syscall.EDQUOT, "a"},
		"EFBIG a":                {syscall.EFBIG, "a"},
		"EROFS a":                {syscall.EROFS, "a"},
		"ENOMEM a":               {syscall.ENOMEM, "a"},
		"EIO a":                  {syscall.EIO, "a"},
	} {
		if errno, text := complaint(said, syscall.EIO); errno != want.errno || text != want.text {
			t.Errorf("%q is %v, %q, want %v, %q", said, errno, text, want.errno, want.text)
		}
	}
	if errno, _ := complaint("what", syscall.ESHUTDOWN); errno != syscall.ESHUTDOWN {
		t.Errorf("otherwise is %v", errno)
	}
}

// What each exit status does to the request, the client and the session.
func TestExitStatuses(t *testing.T) {
	for status, want := range map[string]struct {
		errno      syscall.Errno // 0 for success
		shut       bool
		soft, hard bool
	}{
		"exit 0":                                 {},
		"echo ENOSPC >&2; exit 0":                {},
		"exit 1":                                 {errno: syscall.EIO},
		"echo EPERM >&2; exit 1":                 {errno: syscall.EPERM},
		"exit 2":                                 {errno: syscall.EIO},
		"exit 3":                                 {errno: syscall.EIO},
		"exit 4":                                 {shut: true},
		"exit 5":                                 {errno: syscall.ESHUTDOWN, shut: true},
		"echo ENOSPC >&2; exit 5":                {errno: syscall.ENOSPC, shut: true},
		"exit 6":                                 {errno: syscall.ESHUTDOWN, hard: true},
		"exit 7":                                 {soft: true},
		"exit 8":                                 {errno: syscall.ESHUTDOWN, soft: true},
		"echo eio >&2; exit 8":                   {errno: syscall.EIO, soft: true},
		"exit 9":                                 {errno: syscall.EIO},
		"exit 255":                               {errno: syscall.EIO},
		"kill -9 $$":                             {errno: syscall.EIO},
		"cat >/dev/null; echo enomem >&2; false": {errno: syscall.ENOMEM},
	} {
		var shut, soft, hard atomic.Bool
		s, err := evaluated(t, "get_size=echo 1M", "pwrite="+status)
		if err != nil {
			t.Fatal(err)
		}
		s.host.Shutdown = func() { shut.Store(true) }
		h, err := s.Open(t.Context(), block.OpenRequest{Disconnect: func(force bool) {
			if force {
				hard.Store(true)
			} else {
				soft.Store(true)
			}
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = request(t, h, block.Request{Cmd: block.Write, Length: 4, Data: []byte("data")})
		var errno syscall.Errno
		errors.As(err, &errno)
		if (err == nil) != (want.errno == 0) || errno != want.errno || shut.Load() != want.shut || soft.Load() != want.soft || hard.Load() != want.hard {
			t.Errorf("%s: %v, shutdown %v, soft %v, hard %v, want %+v", status, err, shut.Load(), soft.Load(), hard.Load(), want)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// The arguments of every method, and what is told of the export.
func TestEveryMethodsArguments(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	note := `printf '%s' "$1" >>` + log + `; shift; printf ' [%s]' "$@" >>` + log + `; echo >>` + log + `; `
	var words []string
	for _, m := range evalMethods {
		text := note
		switch m[0] {
		case "missing", "dump_plugin":
			continue
		case "get_size":
			text += "echo 1M"
		case "block_size":
			text += "echo 512 4k 1M"
		case "open":
			text += "echo 'a handle'; echo"
		case "export_description":
			text += "echo what it is"
		case "can_fua", "can_cache":
			text += "echo NATIVE"
		case "default_export":
			text += "echo NAMES; echo main; echo other"
		case "list_exports":
			text += "echo a; echo b"
		case "pread":
			text += "printf 12345"
		case "pwrite":
			text += `test "$(cat)" = data`
		case "extents":
			text += `echo 0 4k hole`
		case "thread_model":
			text += `echo Serialize-Requests`
		}
		words = append(words, m[0]+"="+text)
	}
	s, err := evaluated(t, append(words, "key=a value", "empty=")...)
	if err != nil {
		t.Fatal(err)
	}
	if s.Threads() != block.SerializeRequests {
		t.Errorf("thread model %v", s.Threads())
	}
	if err := errors.Join(s.Start(), s.Admit(t.Context(), block.Peer{})); err != nil {
		t.Error(err)
	}
	if name, err := s.Default(t.Context(), block.ListRequest{ReadOnly: true}); name != "main" || err != nil {
		t.Errorf("default %q, %v", name, err)
	}
	if list, err := s.List(t.Context(), block.ListRequest{}, nil); len(list) != 2 || list[1].Name != "b" || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	h, err := s.Open(t.Context(), block.OpenRequest{Name: "an export"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := block.Info{Size: 1 << 20, MinBlock: 512, PreferredBlock: 4096, MaxBlock: 1 << 20, Description: "what it is",
		Rotational: true, MultiConn: true, Flush: true, Trim: true, FastZero: true, Extents: true,
		Zero: block.Native, FUA: block.Native, Cache: block.Native}
	if diff := cmp.Diff(want, h.Info()); diff != "" {
		t.Error(diff)
	}
	all := block.FUA | block.MayTrim | block.FastZero
	for _, r := range []block.Request{
		{Cmd: block.Read, Offset: 512, Length: 5},
		{Cmd: block.Write, Offset: 1 << 19, Length: 4, Data: []byte("data")},
		{Cmd: block.Write, Length: 4, Data: []byte("data"), Flags: block.FUA},
		{Cmd: block.Flush}, {Cmd: block.Trim, Length: 7}, {Cmd: block.Trim, Length: 7, Flags: block.FUA},
		{Cmd: block.WriteZeroes, Length: 8}, {Cmd: block.WriteZeroes, Length: 8, Flags: all},
		{Cmd: block.WriteZeroes, Length: 8, Flags: block.MayTrim},
		{Cmd: block.Cache, Length: 9}, {Cmd: block.BlockStatus, Length: 10}, {Cmd: block.BlockStatus, Length: 10, Flags: block.ReqOne},
	} {
		if _, _, err := request(t, h, r); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if err := errors.Join(h.Close(t.Context()), s.do(t.Context(), nil, "unload")); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	const a = "[a handle\n]"
	wantLog := `config [key] [a value]
config [empty] []
config_complete []
thread_model []
get_ready []
after_fork []
preconnect [false]
default_export [true] [false]
list_exports [false] [false]
open [false] [an export] [false]
get_size A
can_write A
can_zero A
can_fast_zero A
can_trim A
can_fua A
can_flush A
is_rotational A
can_multi_conn A
can_cache A
can_extents A
block_size A
export_description A
pread A [5] [512]
pwrite A [4] [524288] []
pwrite A [4] [0] [fua]
flush A
trim A [7] [0] []
trim A [7] [0] [fua]
zero A [8] [0] []
zero A [8] [0] [fua,may_trim,fast]
zero A [8] [0] [may_trim]
cache A [9] [0]
extents A [10] [0] []
extents A [10] [0] [req_one]
close A
unload []
`
	if diff := cmp.Diff(strings.ReplaceAll(wantLog, "A", a), string(got)); diff != "" {
		t.Error(diff)
	}
}

// What holds where methods are missing, and what those that are there imply.
func TestMissingMethods(t *testing.T) {
	for words, want := range map[string]block.Info{
		"":                             {ReadOnly: true},
		"pwrite=:":                     {Zero: block.Emulate, FastZero: true},
		"pwrite=: can_write=false":     {ReadOnly: true},
		"pwrite=: flush=:":             {Zero: block.Emulate, FastZero: true, Flush: true, FUA: block.Emulate},
		"pwrite=: zero=:":              {Zero: block.Native},
		"pwrite=: trim=:":              {Zero: block.Emulate, FastZero: true, Trim: true},
		"zero=: trim=: can_fua=echo":   {ReadOnly: true},
		"cache=:":                      {ReadOnly: true, Cache: block.Native},
		"extents=:":                    {ReadOnly: true, Extents: true},
		"flush=:":                      {ReadOnly: true, Flush: true},
		"can_extents=: can_flush=:":    {ReadOnly: true, Flush: true, Extents: true},
		"can_zero=: can_write=:":       {Zero: block.Native},
		"can_multi_conn=:":             {ReadOnly: true, MultiConn: true},
		"is_rotational=:":              {ReadOnly: true, Rotational: true},
		"pwrite=: can_fast_zero=false": {Zero: block.Emulate},
	} {
		want.Size = 1 << 20
		words = strings.ReplaceAll(words, "=false", "=exit,3")
		list := strings.Fields(words)
		for i := range list {
			list[i] = strings.ReplaceAll(list[i], ",", " ")
		}
		if got := sized(t, block.OpenRequest{}, list...).Info(); got != want {
			t.Errorf("%q: %+v, want %+v", words, got, want)
		}
	}
	h := sized(t, block.OpenRequest{}, "can_write=:", "can_zero=:", "can_trim=:", "can_flush=:", "can_extents=:", "can_cache=echo native")
	for _, c := range []struct {
		r    block.Request
		want error
	}{
		{block.Request{Cmd: block.Read, Length: 1}, syscall.EIO},
		{block.Request{Cmd: block.Write, Length: 1, Data: []byte{1}}, syscall.EIO},
		{block.Request{Cmd: block.WriteZeroes, Length: 1}, syscall.ENOTSUP},
		{block.Request{Cmd: block.BlockStatus, Length: 1}, syscall.EIO},
		{block.Request{Cmd: block.Trim, Length: 1}, nil},
		{block.Request{Cmd: block.Flush}, nil},
		{block.Request{Cmd: block.Cache, Length: 1}, nil},
	} {
		if _, _, err := request(t, h, c.r); !errors.Is(err, c.want) {
			t.Errorf("%v: %v, want %v", c.r.Cmd, err, c.want)
		}
	}
}

// What a script may get wrong is an error of the request, and says what is wrong.
func TestWrongOutput(t *testing.T) {
	for word, want := range map[string]string{
		"pread=printf 1234":   "it printed 4 of the 5 bytes",
		"pread=printf 123456": "it printed more than the 5 bytes",
		"pread=yes":           "it printed more than the 5 bytes",
		"pread=kill -9 $$":    "killed by signal 9",
		"pread=printf 'EIO \\033[1m\\n' >&2; exit 1": "\ufffd[1m (input/output error)",
		"pread=echo eio >&2; exit 1":                 "without a word",
	} {
		_, _, err := request(t, sized(t, block.OpenRequest{}, word), block.Request{Cmd: block.Read, Length: 5})
		if !errors.Is(err, syscall.EIO) || !strings.HasPrefix(err.Error(), "pread: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", word, err, want)
		}
	}
	big := block.Request{Cmd: block.Write, Length: 1 << 20, Data: make([]byte, 1<<20)}
	if _, _, err := request(t, sized(t, block.OpenRequest{}, "pwrite=exit 0"), big); err == nil || !strings.Contains(err.Error(), "did not read all") {
		t.Errorf("a script that does not read its data: %v", err)
	}
	for _, word := range []string{"get_size=", "get_size=echo", "get_size=echo many", "get_size=echo 1M 2M", "get_size=exit 2", "get_size=exit 3",
		"get_size=echo -1", "get_size=echo 8E", "open=exit 1", "open=exit 3", `open=printf 'a\000b'`} {
		s, err := evaluated(t, word)
		if err == nil {
			_, err = s.Open(t.Context(), block.OpenRequest{}, nil)
		}
		if err == nil {
			t.Errorf("%s: an export is opened", word)
		}
	}
	for _, word := range []string{"can_write=exit 1", "can_fua=echo perhaps", "can_cache=exit 3", "block_size=echo 1 2", "block_size=echo 3 512 512",
		"block_size=echo 1 100 4k", "block_size=echo 4k 512 4k", "block_size=echo 1 4k 2k", "block_size=echo 512 512 700", "block_size=echo 0 0 1",
		"block_size=echo 1 4k 8G", "export_description=exit 1", "is_rotational=exit 9"} {
		s, err := evaluated(t, "get_size=echo 1M", "pwrite=:", word)
		if err == nil {
			_, err = s.Open(t.Context(), block.OpenRequest{}, nil)
		}
		if err == nil {
			t.Errorf("%s: an export is opened", word)
		}
	}
}

// What a configuration may get wrong is told at the start, and leaves no directory.
func TestWrongConfiguration(t *testing.T) {
	for words, want := range map[string]string{
		"config_complete=exit,1": "config_complete", "config_complete=exit,3": "config_complete", "get_ready=exit,1": "get_ready",
		"thread_model=exit,1": "thread_model", "get_size=: get_size=:": "twice", "missing=: missing=:": "twice", "foo=1": "no such method",
		"foo=1 config=:": "no such method", "config=exit,1 foo=1": "config", "load=:": "no such method",
	} {
		list := strings.Fields(words)
		for i := range list {
			list[i] = strings.ReplaceAll(list[i], ",", " ")
		}
		if _, err := evaluated(t, list...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", words, err, want)
		}
	}
}

func TestThreadModels(t *testing.T) {
	for text, want := range map[string]block.Threads{
		"echo parallel": block.Parallel, "echo serialize_requests": block.SerializeRequests, "printf serialize-all-requests": block.SerializeAllRequests,
		"echo SERIALIZE_CONNECTIONS": block.SerializeConnections, "echo what": block.SerializeAllRequests, "exit 2": block.SerializeAllRequests, ":": block.SerializeAllRequests,
	} {
		s, err := evaluated(t, "thread_model="+text)
		if err != nil || s.Threads() != want {
			t.Errorf("%s: %v, %v, want %v", text, s.Threads(), err, want)
		}
	}
}

func TestParseExports(t *testing.T) {
	for text, want := range map[string][]block.Export{
		"": nil, "\n": {{}}, "a": {{Name: "a"}}, "a\nb\n": {{Name: "a"}, {Name: "b"}}, "NAMES\n": nil, "NAMES\nNAMES\n": {{Name: "NAMES"}},
		"INTERLEAVED\na\nA\nb\n": {{Name: "a", Description: "A"}, {Name: "b", Description: ""}}, "NAMES+DESCRIPTIONS\na\nb\nA\nB\n": {{Name: "a", Description: "A"}, {Name: "b", Description: "B"}},
		"names\na": {{Name: "names"}, {Name: "a"}}, "NAMES\na\n\nb": {{Name: "a"}, {}, {Name: "b"}},
	} {
		if diff := cmp.Diff(want, parseExports(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestParseExtents(t *testing.T) {
	x := func(n uint64, f block.ExtentFlags) block.Extent { return block.Extent{Length: n, Flags: f} }
	type xs = []block.Extent
	const h, z = block.Hole, block.Zero
	for text, want := range map[string]any{
		"0 4k": xs{x(4096, 0)}, "0 4k 3": xs{x(4096, h|z)}, "0 4k zero,hole": xs{x(4096, h|z)}, "0 4k xholex": xs{x(4096, h)},
		"0 4k 7": xs{x(4096, h|z)}, "0 4k 0x1": xs{x(4096, 0)}, "  0\t1M hole zero\n": xs{x(4096, h)}, "0 0\n0 1M": xs{x(4096, 0)},
		"0 1k\n1k 1k hole\n2k 1M zero\n": xs{x(1024, 0), x(1024, h), x(2048, z)}, "0 1k": xs{x(1024, 0)},
		"0": syscall.EIO, "\n": syscall.EIO, "0 a": syscall.EIO, "0 1k\n\n": syscall.EIO, "a 1k": syscall.EIO, "-1 1k": syscall.EIO,
		"": syscall.EINVAL, "512 4k": syscall.EINVAL, "0 1k\n512 1k": syscall.EINVAL, "0 1k\n2k 1k": syscall.EINVAL, "0 0": syscall.EINVAL,
		"0 9223372036854775807\n9223372036854775807 9223372036854775807": xs{x(4096, 0)},
	} {
		a := block.GetAnswer(false)
		err := parseExtents(text, 0, 4096, a.Reply())
		if errno, ok := want.(syscall.Errno); ok {
			if !errors.Is(err, errno) {
				t.Errorf("%q: %v, want %v", text, err, errno)
			}
		} else if diff := cmp.Diff(want, append(xs(nil), a.Extents()...)); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
		a.Put()
	}
	a := block.GetAnswer(false)
	defer a.Put()
	if err := parseExtents("0 1k\n1k 1k zero\n2k 4k hole", 1536, 1024, a.Reply()); err != nil || fmt.Sprint(a.Extents()) != "[{512 2} {512 1}]" {
		t.Errorf("from the middle: %v, %v", a.Extents(), err)
	}
}

// FUA that is emulated is a flush after the change.
func TestEmulatedFUA(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	h := sized(t, block.OpenRequest{}, "pwrite=cat >/dev/null; echo write [$5] >>"+log, "flush=echo flush >>"+log)
	for _, f := range []block.Flags{0, block.FUA} {
		if _, _, err := request(t, h, block.Request{Cmd: block.Write, Flags: f, Length: 1, Data: []byte{1}}); err != nil {
			t.Error(err)
		}
	}
	if got, err := os.ReadFile(log); string(got) != "write []\nwrite []\nflush\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A script that hangs ends with its client.
func TestAHungScriptEndsWithItsClient(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	h := sized(t, block.OpenRequest{}, "pread=mkfifo "+started+"; echo >"+started+"; sleep 600")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { // waited for below
		a := block.GetAnswer(false)
		defer a.Put()
		done <- h.Serve(ctx, block.Request{Cmd: block.Read, Length: 512}, a.Reply())
	}()
	for {
		if _, err := os.ReadFile(started); err == nil { // the other end of the pipe
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("it does not start")
		}
	}
	cancel()
	if err := <-done; err != block.ErrShutdown {
		t.Errorf("%v, want ESHUTDOWN", err)
	}
}

// shell configures the sh plugin with a script's text.
func shell(t *testing.T, text string, words ...string) (*shBuilder, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	b := &shBuilder{}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return b, configure(b, append([]string{"script=" + path}, words...))
}

func TestShRunsTheScriptFromTheStart(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	b, err := shell(t, `echo "$@" >>`+log+`; case "$1" in magic_config_key) echo disk;; dump_plugin) echo a=1;; load|config|unload) ;; *) exit 2;; esac`,
		"key=value", "script=again")
	if err != nil || b.MagicKey() != "disk" {
		t.Fatalf("%v, magic %q", err, b.MagicKey())
	}
	if lines, threads, err := b.Dump(); lines != "max_known_status=8\na=1\n" || threads != block.SerializeAllRequests || err != nil {
		t.Errorf("%q, %v, %v", lines, threads, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b.script = nil
	if got, _ := os.ReadFile(log); string(got) != "load\nmagic_config_key\nconfig key value\nconfig script again\nthread_model\ndump_plugin\nunload\n" {
		t.Errorf("%s", got)
	}
	b = &shBuilder{}
	if lines, threads, err := b.Dump(); lines != maxStatus || threads != block.Parallel || err != nil || b.MagicKey() != "script" {
		t.Errorf("without a script: %q, %v, %v, %q", lines, threads, err, b.MagicKey())
	}
}

func TestShRefuses(t *testing.T) {
	for _, c := range []struct{ text, words, want string }{
		{"exit 2", "key=value", "takes no parameters"},
		{"exit 1", "", "load"},
		{"exit 3", "", "exit status 3"},
		{`[ $1 != magic_config_key ] || exit 1`, "", "magic_config_key"},
		{`[ $1 != config ] || { echo "EINVAL not that" >&2; exit 1; }`, "key=value", "config: not that (invalid argument)"},
		{"#!/nonexistent\n", "", "no such file"},
	} {
		if _, err := shell(t, c.text, strings.Fields(c.words)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "empty", dir: "directory", plain: "may not be executed", filepath.Join(dir, "none"): "no such file"} {
		b := &shBuilder{}
		if err := configure(b, []string{"script=" + path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := configure(&shBuilder{}, []string{"key=value"}); err == nil || !strings.Contains(err.Error(), "first") {
		t.Errorf("a parameter before the script: %v", err)
	}
}
