package nbd

import (
	"example.com/nbdtui/internal/nbd/wire"
)

// allocationID is what base:allocation is called in NBD_REPLY_TYPE_BLOCK_STATUS chunks.
const allocationID = 1

// selection is the meta contexts that a client has chosen, and the export for which it did. There is one context:
// qemu:allocation-depth would take a plugin that knows backing files.
type selection struct {
	export     string
	allocation bool
}

// optListMetaContext is NBD_OPT_LIST_META_CONTEXT. No query at all asks for everything.
func (c *conn) optListMetaContext(o option) error {
	r, _, err := c.queries(o)
	if r == nil {
		return err
	}
	found := r.Empty()
	for !r.Empty() {
		q := string(r.Next())
		found = found || q == "base:" || q == wire.BaseAllocation
	}
	var b []byte
	if found {
		b = wire.AppendMetaContext(b, o.Type, 0, wire.BaseAllocation)
	}
	return c.acknowledge(o, b)
}

// optSetMetaContext is NBD_OPT_SET_META_CONTEXT. It replaces what was chosen before, even where it fails.
func (c *conn) optSetMetaContext(o option) error {
	c.contexts = selection{}
	r, name, err := c.queries(o)
	if r == nil {
		return err
	}
	chosen := false
	for !r.Empty() {
		chosen = string(r.Next()) == wire.BaseAllocation || chosen
	}
	c.contexts = selection{name, chosen}
	var b []byte
	if chosen {
		b = wire.AppendMetaContext(b, o.Type, allocationID, wire.BaseAllocation)
	}
	return c.acknowledge(o, b)
}

// queries decodes the data of both; r is nil where the option has been answered with an error already.
func (c *conn) queries(o option) (r *wire.ContextRequest, export string, err error) {
	if !c.structured {
		return nil, "", c.invalid(o, "structured replies were not negotiated")
	}
	if o.Length > maxOption {
		return nil, "", c.refuse(o, wire.RepErrTooBig, "too many queries")
	}
	d, ok := wire.DecodeContextRequest(o.data)
	if !ok {
		return nil, "", c.invalid(o, "the lengths do not fit together")
	}
	export, fault := exportName(d.Export)
	if fault != "" {
		return nil, "", c.invalid(o, fault)
	}
	return &d, export, nil
}

// chosen reports whether the client has chosen base:allocation for the export that it has opened, and not for another
// ("NBD_OPT_SET_META_CONTEXT").
func (c *conn) chosen() bool { return c.contexts.allocation && c.contexts.export == c.export.asked }
