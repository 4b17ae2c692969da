package nbd

import (
	"net"
	"time"
)

// What a client may ask of the server, and how long. Config has those that a user may want otherwise; those of the
// protocol's messages are in package wire.
const (
	handshakeTime = 10 * time.Second // from the connection to the end of option haggling
	maxOptions    = 256
	maxOption     = 1 << 20  // bytes of an option's data that are looked at; a legal NBD_OPT_GO has 135,172 at most
	maxDrain      = 32 << 20 // and that are read only to stay in step

	// drainPayload is the largest payload of a refused request that is read only to stay in step; above it the client
	// can only mean harm, or be out of step itself.
	drainPayload = 128 << 20

	maxConnections = 128
	workers        = 16        // requests of a connection that are served at once; as many may wait for them
	smallRequest   = 64 << 10  // bytes; requests up to it are bounded by their number alone
	connBudget     = 64 << 20  // bytes of larger requests that one connection may have in hand
	totalBudget    = 256 << 20 // and all of them together

	stallTime  = 30 * time.Second       // how long a client may take nothing of what it is sent
	leaveTime  = 5 * time.Second        // grace of a soft disconnect
	cutTime    = 500 * time.Millisecond // and of one by force, for the reply that is being sent
	lingerTime = 500 * time.Millisecond // how long a TCP client may take to read its last replies
)

// keepAlive finds a TCP client that vanished within 75 seconds.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}
