package filters

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
)

// attributeNames are the short names of a certificate's attributes: RFC 4514 section 3, and one that is common.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.6": "C", "2.5.4.9": "STREET",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "EMAIL",
}

// distinguishedName is a name as a certificate has it, in the form of RFC 4514: CN=client.example.com,O=BigCo,C=US.
func distinguishedName(raw []byte) (string, error) {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &name); err != nil || len(rest) > 0 {
		return "", errors.Join(err, errors.New("not a name"))
	}
	var parts []string
	for i := len(name) - 1; i >= 0; i-- { // section 2.1: the last comes first
		var values []string
		for _, a := range name[i] {
			value, err := attribute(a)
			if err != nil {
				return "", err
			}
			values = append(values, value)
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	return strings.Join(parts, ","), nil
}

func attribute(a pkix.AttributeTypeAndValue) (string, error) {
	oid := a.Type.String()
	name, known := attributeNames[oid]
	text, isText := a.Value.(string)
	if known && isText {
		return name + "=" + escapeName(text), nil
	}
	b, err := asn1.Marshal(a.Value)
	return fmt.Sprintf("%s=#%x", oid, b), err // section 2.4
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
