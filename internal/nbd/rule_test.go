package nbd_test

import (
	"bytes"
	"fmt"
	"testing"

	"example.com/nbdtui/internal/nbd"
)

// rule is what the protocol, or we, ask of the server, and a client that finds out whether it is so.
type rule struct {
	says    string
	section string // of proto.md; "ours" where it says nothing
	with    func(*house, *nbd.Config)
	does    func(h *house)
}

// holds wants the rule to be kept, whether the reader serves the requests or workers do, and somebody else's connection,
// and a new one, to work afterwards.
func (r rule) holds(t *testing.T) {
	for name, prompt := range map[string]bool{"by the reader": true, "by workers": false} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(h *house, c *nbd.Config) {
				if r.with != nil {
					r.with(h, c)
				}
				c.Prompt = c.Prompt && prompt
			})
			other := h.client(h.network, true)
			r.does(h)
			if !h.ended {
				other.alive(true)
				h.client(h.network, false).alive(false)
			}
		})
	}
}

// TestHostileInput wants the right answer to what a broken client, or one that means harm, may do.
func TestHostileInput(t *testing.T) {
	for row := 1; row <= len(hostiles); row++ {
		x := hostiles[row]
		t.Run(fmt.Sprintf("%02d %s (%s)", row, x.says, x.section), x.holds)
	}
}

// TestWhatTheProtocolDemands has a case for everything that the protocol document says a server MUST or MUST NOT do,
// but for what it says of things that this server never sends (NBD_REP_ERR_BLOCK_SIZE_REQD, NBD_REPLY_TYPE_ERROR_OFFSET),
// of an error behind the head of a reply (it is known before the head leaves: row 81 of hostile input), and that what is
// no hole takes writes without NBD_ENOSPC, which is the disk's to keep.
func TestWhatTheProtocolDemands(t *testing.T) {
	for _, s := range []struct {
		subject string
		rules   []rule
	}{
		{"handshake", handshakeRules},
		{"options", optionRules},
		{"flags and sizes", offerRules},
		{"commands", commandRules},
		{"replies", replyRules},
		{"block status", statusRules},
		{"order", orderRules},
		{"TLS", tlsRules},
	} {
		for _, r := range s.rules {
			t.Run(fmt.Sprintf("%s/%s (%s)", s.subject, r.says, r.section), r.holds)
		}
	}
}

// row is a demand that a row of hostile input proves.
func row(n int, says, section string) rule {
	r := hostiles[n]
	r.says, r.section = says, section
	return r
}

// all does several things.
func all(does ...func(*house)) func(*house) {
	return func(h *house) {
		for _, d := range does {
			d(h)
		}
	}
}

// closes says something instead of a handshake, and is to be cut off without a word.
func closes(said ...[]byte) func(*house) {
	return func(h *house) {
		c := h.dial("unix")
		c.send(said...)
		c.closed()
	}
}

// haggles sends an option, wants one answer, and haggling to go on.
func haggles(want, number uint32, data ...[]byte) func(*house) {
	return func(h *house) {
		c := h.haggler("unix")
		c.option(number, data...)
		got, kind, said := c.reply()
		if kind != want || got != number {
			h.t.Errorf("answered %#x (%q) to option %d, want %#x to %d", kind, said, got, want, number)
		}
		if kind != ack && (len(said) == 0 || len(said) > 400) {
			h.t.Errorf("the text has %d bytes", len(said))
		}
		c.usable()
	}
}

// hears says something while it haggles, and wants these bytes, and haggling to go on.
func hears(said []byte, want ...[]byte) func(*house) {
	return func(h *house) {
		c := h.haggler("unix")
		c.send(said)
		c.hears(want...)
		c.usable()
	}
}

// chunked is hears where structured replies were agreed on.
func chunked(said []byte, want ...[]byte) func(*house) {
	return hears(join(optionBytes(8), said), append([][]byte{answer(8, ack)}, want...)...)
}

// asks sends requests, wants the same error for each, with simple and structured replies and extended headers, and the
// connection to go on.
func asks(want uint32, list ...ask) func(*house) {
	return func(h *house) {
		for form, c := range h.forms() {
			for _, a := range list {
				if e := c.errno(form != "simple", a); e != want {
					h.t.Errorf("command %d, %s: error %d, want %d", a.cmd, form, e, want)
				}
				c.alive(form != "simple")
			}
		}
	}
}

// forms are clients of every form of reply.
func (h *house) forms() map[string]*raw {
	return map[string]*raw{"simple": h.client("unix", false), "structured": h.client("unix", true), "extended": h.extended("unix")}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
