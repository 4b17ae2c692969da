package ui

// role is what a piece of text means; a theme says how that looks.
type role uint8

const (
	plain    role = iota
	strong        // names, titles, the selected row
	border        // lines between things, and nothing that must be read
	focus         // borders of the panel that has the keyboard
	good          // badge: all is well
	moving        // badge: on the way to another state
	held          // badge: paused
	bad           // badge: failed
	reading       // what is read
	writing       // what is written
	pausing       // seconds without requests
	warning       // an event to look at
	failure       // an event that is an error
	question      // the question in the footer
	found         // what was searched for
	selected      // what will be copied
	caret         // where the selection ends
	zeroing       // what is zeroed or trimmed
	roles    = int(zeroing) + 1
)

// Only the terminal's own 16 colours are used. Blue against yellow carries every contrast, so no meaning rests on red
// against green. Bright black is for borders alone: many palettes make it hard to see.
var colours = [roles]string{
	strong: "1", border: "90", focus: "1;36", good: "1;7;36", moving: "1;7;33", held: "1;7;34", bad: "1;7;31",
	reading: "36", writing: "33", pausing: "34", warning: "1;33", failure: "1;31", question: "1;33",
	found: "30;43", selected: "7", caret: "1;7;36", zeroing: "35",
}

// What is left of them without colours: the words stand in the text, too.
var attributes = [roles]string{
	strong: "1", focus: "1", good: "1;7", moving: "1;7", held: "1;7", bad: "1;7",
	warning: "1", failure: "1;4", question: "1",
	found: "1;4", selected: "7", caret: "1;4;7",
}

// theme is how things look.
type theme struct {
	sgr    *[roles]string
	glyphs *glyphs
}

// glyphs are what text cannot say. Each is one cell wide.
type glyphs struct {
	light, heavy frame
	levels       [9]string // of a chart's cell: nothing, an eighth, … full
	paused       string    // a second without requests
	read         string    // coverage: what was read, written, is a known hole, has not been touched
	written      string
	hole         string
	rest         string
	shades       [4]string // of a cell of the map: how much of it was touched, a little to all
	micro        string    // of seconds
	ellipsis     string
	up, down     string
}

// frame is the parts of a box: horizontal, vertical, and the corners from the upper left on, clockwise.
type frame struct{ h, v, tl, tr, br, bl string }

var unicodeGlyphs = glyphs{
	light:  frame{"─", "│", "╭", "╮", "╯", "╰"},
	heavy:  frame{"═", "║", "╔", "╗", "╝", "╚"},
	levels: [9]string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
	paused: "░",
	read:   "█", written: "▓", hole: "─", rest: "·",
	shades:   [4]string{"░", "▒", "▓", "█"},
	micro:    "µ",
	ellipsis: "…",
	up:       "↑", down: "↓",
}

var asciiGlyphs = glyphs{
	light:  frame{"-", "|", "+", "+", "+", "+"},
	heavy:  frame{"=", "#", "#", "#", "#", "#"},
	levels: [9]string{" ", "_", ".", "-", "=", "+", "*", "%", "#"},
	paused: ":",
	read:   "#", written: "+", hole: ":", rest: ".",
	micro:    "u",
	ellipsis: "~",
	up:       "up", down: "down",
}

// newTheme is the usual one, or what is left of it.
func newTheme(colour, ascii bool) theme {
	t := theme{&attributes, &unicodeGlyphs}
	if colour {
		t.sgr = &colours
	}
	if ascii {
		t.glyphs = &asciiGlyphs
	}
	return t
}

func (t theme) colour() bool { return t.sgr != &attributes }
func (t theme) ascii() bool  { return t.glyphs == &asciiGlyphs }
