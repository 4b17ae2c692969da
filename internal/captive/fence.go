package captive

import (
	"reflect"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// fence keeps a child from stopping or filling the emulator, whose handlers believe every number they read. A handler
// registered later is asked first; params are the parser's own, so what is changed here is what the next one sees.
func fence(e *vt.Emulator) {
	area := func(int) int { return e.Width() * e.Height() }
	for _, final := range []int{
		'@', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'L', 'M', 'P', 'S', 'T', 'X', 'Z', '`', 'a', 'b', 'd', 'e', 'f',
	} {
		e.RegisterCsiHandler(final, clamp(area))
	}
	// A region beyond the screen takes the cursor and the next scroll there, out of bounds.
	e.RegisterCsiHandler('r', clamp(func(int) int { return e.Height() }))
	e.RegisterCsiHandler('s', clamp(func(int) int { return e.Width() }))

	// A cursor saved on a larger screen and restored on this one is outside; a tab stop there is out of bounds.
	outside := func() bool { return e.CursorPosition().X >= e.Width() }
	e.RegisterEscHandler('H', outside)
	e.RegisterCsiHandler('g', func(ansi.Params) bool { return outside() })

	for _, cmd := range []int{'h', 'l', ansi.Command('?', 0, 'h'), ansi.Command('?', 0, 'l')} {
		e.RegisterCsiHandler(cmd, knownModes)
	}
	// Titles and directories are not shown, links are not passed on, and all may be megabytes. Colours are short.
	for _, cmd := range []int{0, 1, 2, 7, 8} {
		e.RegisterOscHandler(cmd, func([]byte) bool { return true })
	}
	for _, cmd := range []int{10, 11, 12, 110, 111, 112} {
		e.RegisterOscHandler(cmd, func(data []byte) bool { return len(data) > 64 })
	}

	e.SetScrollbackSize(2 * maxHeight) // lines are taken from it soon
	// The alternate screen has a scrollback of 10,000 lines that nothing shows and no method reaches: some 200 MB
	// where the terminal is wide.
	alternate := reflect.ValueOf(e).Elem().FieldByName("scrs").Index(1).Addr().UnsafePointer()
	(*vt.Screen)(alternate).SetScrollback(nil)
}

// clamp makes a handler that bounds every parameter.
func clamp(limit func(i int) int) vt.CsiHandler {
	return func(params ansi.Params) bool {
		for i, p := range params {
			if most := limit(i); p.Param(0) > most {
				params[i] = ansi.Param(most)
			}
		}
		return false
	}
}

// knownModes swallows modes that no terminal has: the emulator remembers every number it has seen. 47 is what older
// programs call 1047.
func knownModes(params ansi.Params) bool {
	for i, p := range params {
		switch n := p.Param(0); {
		case n > 9999:
			return true
		case n == 47:
			params[i] = 1047
		}
	}
	return false
}
