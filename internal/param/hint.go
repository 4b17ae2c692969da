package param

// Hint is an error with what the user might try.
type Hint struct {
	Err  error
	Text string // one sentence, no final stop
}

func (h *Hint) Error() string { return h.Err.Error() }
func (h *Hint) Unwrap() error { return h.Err }

// WithHint adds what to try to an error.
func WithHint(err error, text string) error { return &Hint{err, text} }
