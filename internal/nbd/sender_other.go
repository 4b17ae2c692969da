//go:build !linux

package nbd

// vector is not needed: small pieces are copied together.
type vector struct{}

// sender has nothing to keep: there is no splice here.
type sender struct{}

// transmit sends the batch, all of it or with an error.
func (o *output) transmit(b *batch) error { return o.copyOut(b) }
