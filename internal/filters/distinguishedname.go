package filters

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// attributeNames are the short names of a certificate's attributes: RFC 4514 section 3, and one that is common.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.6": "C", "2.5.4.9": "STREET",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "EMAIL",
}

// attribute is a part of a name, with its value as the certificate has it.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// attributeSET is taken for a set by package asn1 because of its name.
type attributeSET []attribute

// distinguishedName is a name as a certificate has it, in the form of RFC 4514: CN=client.example.com,O=BigCo,C=US.
func distinguishedName(raw []byte) (string, error) {
	var name []attributeSET
	if rest, err := asn1.Unmarshal(raw, &name); err != nil || len(rest) > 0 {
		return "", errors.Join(err, errors.New("not a name"))
	}
	var parts []string
	for _, set := range slices.Backward(name) { // section 2.1: the last comes first
		var values []string
		for _, a := range set {
			values = append(values, a.String())
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	return strings.Join(parts, ","), nil
}

func (a attribute) String() string {
	oid := a.Type.String()
	if name, known := attributeNames[oid]; known {
		var text string
		if _, err := asn1.Unmarshal(a.Value.FullBytes, &text); err == nil {
			return name + "=" + escapeName(text)
		}
	}
	return fmt.Sprintf("%s=#%x", oid, a.Value.FullBytes) // section 2.4
}

// escapeName is a value with a backslash where section 2.4 wants one.
func escapeName(s string) string {
	var b strings.Builder
	for i, c := range s {
		switch {
		case c == 0:
			b.WriteString(`\00`)
			continue
		case strings.ContainsRune(`"+,;<>\`, c), i == 0 && (c == '#' || c == ' '), i == len(s)-1 && c == ' ':
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
