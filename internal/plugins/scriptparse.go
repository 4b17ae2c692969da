package plugins

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// What scripts print, in the forms of nbdkit-sh-plugin(3).

// scriptErrors are the names that a script may say.
var scriptErrors = map[string]syscall.Errno{
	"EPERM": syscall.EPERM, "EIO": syscall.EIO, "ENOMEM": syscall.ENOMEM, "EINVAL": syscall.EINVAL,
	"ENOSPC": syscall.ENOSPC, "EOVERFLOW": syscall.EOVERFLOW, "ESHUTDOWN": syscall.ESHUTDOWN,
	"ENOTSUP": syscall.ENOTSUP, "EOPNOTSUPP": syscall.EOPNOTSUPP, "EROFS": syscall.EROFS,
	"EDQUOT": syscall.EDQUOT, "EFBIG": syscall.EFBIG,
}

// complaint is the error that a script has told of: its name at the very beginning, in any case, with a blank or the
// end behind it, and the rest of the line.
func complaint(said string, otherwise syscall.Errno) (errno syscall.Errno, text string) {
	name := said
	if i := strings.IndexFunc(said, unicode.IsSpace); i >= 0 {
		name = said[:i]
	}
	errno, named := scriptErrors[strings.ToUpper(name)]
	if named {
		said = strings.TrimLeftFunc(said[len(name):], unicode.IsSpace)
	} else {
		errno = otherwise
	}
	text, _, _ = strings.Cut(said, "\n")
	return errno, text
}

// parseExports reads a list of exports, in the form that its first line says.
func parseExports(text string) (list []block.Export) {
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	form := lines[0]
	switch form {
	case "NAMES", "INTERLEAVED", "NAMES+DESCRIPTIONS":
		lines = lines[1:]
	}
	switch form {
	case "INTERLEAVED":
		for i := 0; i < len(lines); i += 2 {
			e := block.Export{Name: lines[i]}
			if i+1 < len(lines) {
				e.Description = lines[i+1]
			}
			list = append(list, e)
		}
	case "NAMES+DESCRIPTIONS":
		half := (len(lines) + 1) / 2
		for i, name := range lines[:half] {
			e := block.Export{Name: name}
			if half+i < len(lines) {
				e.Description = lines[half+i]
			}
			list = append(list, e)
		}
	default:
		for _, name := range lines {
			list = append(list, block.Export{Name: name})
		}
	}
	return list
}

// parseAbility reads what can_fua and can_cache print.
func parseAbility(method, text string) (block.Ability, error) {
	switch strings.ToLower(strings.TrimSuffix(text, "\n")) {
	case "none":
		return block.None, nil
	case "emulate":
		return block.Emulate, nil
	case "native":
		return block.Native, nil
	}
	return 0, garbled(method, "it printed %.80q, which is neither none, emulate nor native", text)
}

// parseBlockSizes reads what block_size prints: three sizes, all zero where nothing is known.
func parseBlockSizes(text string, i *block.Info) error {
	words := strings.Fields(text)
	if len(words) < 3 {
		return garbled("block_size", "it printed %.80q, and three sizes are wanted", text)
	}
	var sizes [3]uint64
	for n := range sizes {
		var err error
		if sizes[n], err = param.ParseSize(words[n]); err != nil {
			return garbled("block_size", "it printed %.80q: %v", text, err)
		}
	}
	minimum, preferred, maximum := sizes[0], sizes[1], sizes[2]
	power := func(n uint64) bool { return n != 0 && n&(n-1) == 0 }
	const all = 1<<32 - 1
	switch {
	case sizes == [3]uint64{}:
		return nil
	case !power(minimum) || minimum > 64<<10:
		return garbled("block_size", "the minimum, %d, is no power of two up to 64K", minimum)
	case !power(preferred) || preferred < 512 || preferred > 32<<20:
		return garbled("block_size", "the preferred size, %d, is no power of two from 512 to 32M", preferred)
	case maximum != all && (maximum%minimum != 0 || maximum > all):
		return garbled("block_size", "the maximum, %d, is no multiple of the minimum", maximum)
	case minimum > preferred || preferred > maximum:
		return garbled("block_size", "%d, %d and %d do not ascend", minimum, preferred, maximum)
	}
	i.MinBlock, i.PreferredBlock, i.MaxBlock = uint32(minimum), uint32(preferred), uint32(maximum)
	return nil
}

// parseExtents reads lines of offset, length and type. They follow one another, from off or before it; what lies
// outside of the n bytes from off is left out.
func parseExtents(text string, off, n uint64, w *block.Reply) error {
	wrong := func(errno syscall.Errno, format string, args ...any) error {
		return &scriptError{"extents", errno, fmt.Sprintf(format, args...)}
	}
	end, first, put := uint64(0), true, false
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			return wrong(syscall.EIO, "it printed %.80q, which is no offset and length", line)
		}
		start, err := param.ParseSize(words[0])
		if err != nil {
			return wrong(syscall.EIO, "it printed %.80q: %v", line, err)
		}
		length, err := param.ParseSize(words[1])
		if err != nil {
			return wrong(syscall.EIO, "it printed %.80q: %v", line, err)
		}
		switch {
		case first && start > off:
			return wrong(syscall.EINVAL, "the first extent begins at %d, behind %d", start, off)
		case !first && start != end:
			return wrong(syscall.EINVAL, "an extent begins at %d, and the one before it ends at %d", start, end)
		}
		end, first = start+length, false // both are less than 2^63
		if from, to := max(start, off), min(end, off+n); from < to {
			w.Extent(to-from, extentType(words[2:]))
			put = true
		}
	}
	if !put {
		return wrong(syscall.EINVAL, "it printed no extent of what was asked for")
	}
	return nil
}

// extentType is a number, or words in which those for a hole and for zeroes may be.
func extentType(words []string) block.ExtentFlags {
	if len(words) == 0 {
		return 0
	}
	if n, err := strconv.ParseUint(words[0], 10, 32); err == nil {
		return block.ExtentFlags(n) & (block.Hole | block.Zero)
	}
	var f block.ExtentFlags
	if strings.Contains(words[0], "hole") {
		f |= block.Hole
	}
	if strings.Contains(words[0], "zero") {
		f |= block.Zero
	}
	return f
}
