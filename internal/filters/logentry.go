package filters

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.com/nbdtui/internal/block"
)

// entry is one line of the log.
type entry struct {
	kind   string // ENTER, LEAVE or PRINT
	client uint64 // 0 for none
	act    string
	id     uint64 // 0 for none
	fields []field
}

// field is a name with a text, or with a number.
type field struct {
	name, text string
	base       int // of n; 0 for a text, which is quoted, and 1 for one that stands as it is
	n          uint64
}

// appendValue is the field's value as a script gets it.
func (f field) appendValue(b []byte) []byte {
	switch f.base {
	case 0, 1:
		return append(b, f.text...)
	case 16:
		b = append(b, "0x"...)
	}
	return strconv.AppendUint(b, f.n, f.base)
}

func (e *entry) appendLine(b []byte, now time.Time) []byte {
	b = now.UTC().AppendFormat(b, "2006-01-02 15:04:05.000000 ")
	if e.client != 0 {
		b = append(strconv.AppendUint(append(b, "connection="...), e.client, 10), ' ')
	}
	if e.kind == "LEAVE" {
		b = append(b, "..."...)
	}
	b = append(b, e.act...)
	if e.id != 0 {
		b = strconv.AppendUint(append(b, " id="...), e.id, 10)
	}
	for _, f := range e.fields {
		b = append(append(append(b, ' '), f.name...), '=')
		switch f.base {
		case 0:
			b = append(b, quoted(f.text)...)
		case 1:
			b = append(append(append(b, '('), f.text...), ')')
		default:
			b = f.appendValue(b)
		}
	}
	if e.kind == "ENTER" {
		b = append(b, " ..."...)
	}
	return append(b, '\n')
}

func (e *entry) variables() []string {
	v := []string{"act=" + e.act, "type=" + e.kind}
	if e.client != 0 {
		v = append(v, "connection="+strconv.FormatUint(e.client, 10))
	}
	if e.id != 0 {
		v = append(v, "id="+strconv.FormatUint(e.id, 10))
	}
	for _, f := range e.fields {
		v = append(v, string(f.appendValue([]byte(f.name+"="))))
	}
	return v
}

// quoted is s as a shell takes it, in quotes where it needs them, and without a line's end.
func quoted(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=@%+"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`", "\n", " ").Replace(s) + `"`
}

func text(name, text string) field { return field{name: name, text: text} }
func list(name, text string) field { return field{name: name, text: text, base: 1} }

func hex(name string, n uint64) field { return field{name: name, n: n, base: 16} }

func number[N ~uint8 | ~uint64](name string, n N) field {
	return field{name: name, n: uint64(n), base: 10}
}

func bit(name string, set bool) field {
	if set {
		return number(name, uint64(1))
	}
	return number(name, uint64(0))
}

func connectFields(o block.OpenRequest, i block.Info) []field {
	most := uint64(i.MaxBlock)
	if i.MinBlock != 0 && most == 0 {
		most = 1<<32 - 1
	}
	return []field{text("export", o.Name), bit("tls", o.TLS != nil), hex("size", i.Size), hex("minsize", uint64(i.MinBlock)),
		hex("prefsize", uint64(i.PreferredBlock)), hex("maxsize", most), bit("write", !i.ReadOnly), bit("flush", i.Flush),
		bit("rotational", i.Rotational), bit("trim", i.Trim), number("zero", i.Zero), number("fua", i.FUA),
		bit("extents", i.Extents), number("cache", i.Cache), bit("fast_zero", i.FastZero)}
}

// actions are the names of the commands in a log.
var actions = [block.Commands]string{
	block.Read: "Read", block.Write: "Write", block.Flush: "Flush", block.Trim: "Trim",
	block.WriteZeroes: "Zero", block.Cache: "Cache", block.BlockStatus: "Extents",
}

// appendRequest adds what was asked.
func appendRequest(f []field, r block.Request) []field {
	if r.Cmd == block.Flush {
		return f
	}
	f = append(f, hex("offset", r.Offset), hex("count", r.Length))
	fua := bit("fua", r.Flags&block.FUA != 0)
	switch r.Cmd {
	case block.Write, block.Trim:
		f = append(f, fua)
	case block.WriteZeroes:
		f = append(f, bit("trim", r.Flags&block.MayTrim != 0), fua, bit("fast", r.Flags&block.FastZero != 0))
	case block.BlockStatus:
		f = append(f, bit("req_one", r.Flags&block.ReqOne != 0))
	}
	return f
}

// errorNames are what a log calls the errors, as nbdkit does: by what becomes of them on the wire.
var errorNames = map[syscall.Errno]string{
	syscall.EPERM: "EPERM", syscall.EROFS: "EPERM", syscall.EACCES: "EPERM", syscall.EIO: "EIO", syscall.ENOMEM: "ENOMEM",
	syscall.ENOSPC: "ENOSPC", syscall.EDQUOT: "ENOSPC", syscall.EFBIG: "ENOSPC", syscall.ESHUTDOWN: "ESHUTDOWN",
	syscall.ENOTSUP: "ENOTSUP", syscall.EOVERFLOW: "EOVERFLOW", syscall.EINVAL: "EINVAL",
}

// appendResult adds how a request ended.
func appendResult(f []field, err error) []field {
	if err == nil {
		return append(f, number("return", uint64(0)))
	}
	name := "EIO"
	var e syscall.Errno
	if errors.As(err, &e) && errorNames[e] != "" {
		name = errorNames[e]
	}
	return append(f, text("return", "-1"), text("error", name))
}

var extentNames = [...]string{0: `""`, block.Hole: `"hole"`, block.Zero: `"zero"`, block.Hole | block.Zero: `"hole,zero"`}
