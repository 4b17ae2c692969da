package captive

// Screen is what the child's terminal shows: plain data, never changed once it was given out.
type Screen struct {
	Width, Height    int
	Lines            []string // a row each, no wider than Width; text and SGR sequences, nothing else
	Above, Oldest    uint64   // the numbers of the first of them, and of the oldest line that is still kept; see Page
	CursorX, CursorY int
	CursorShown      bool
	AltScreen        bool   // a full-screen program has it
	BracketedPaste   bool   // the child asked for it (mode 2004)
	AppCursor        bool   // the child asked for application cursor keys (mode 1)
	Mouse            Mouse  // what the child wants to know of it
	Skipped          bool   // output came faster than it can be shown; this is the newest
	Run              int    // of the command, as Config says
	Version          uint64 // changes when anything above does
}
