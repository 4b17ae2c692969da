package secure

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"iter"
	"time"
)

// revocations are the lists of what authorities have revoked. Go's TLS does not look at them.
type revocations []*x509.RevocationList

// parseRevocations decodes a PEM file of lists; each must be signed by one of the authorities.
func parseRevocations(text []byte, authorities []*x509.Certificate) (list revocations, err error) {
	for der := range blocks(text, "X509 CRL") {
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, err
		}
		if !signed(l, authorities) {
			return nil, errors.New("the list was not signed by an authority of " + caCert)
		}
		list = append(list, l)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no revocation list in it")
	}
	return list, nil
}

func signed(l *x509.RevocationList, authorities []*x509.Certificate) bool {
	for _, a := range authorities {
		if l.CheckSignatureFrom(a) == nil {
			return true
		}
	}
	return false
}

// check refuses a peer of whose certificate every chain has one that was revoked, or that an outdated list may have
// missed. It is tls.Config.VerifyConnection.
func (r revocations) check(s tls.ConnectionState) error {
	if len(r) == 0 {
		return nil
	}
	err := errors.New("the certificate was not verified")
	for _, chain := range s.VerifiedChains {
		if err = r.checkChain(chain, time.Now()); err == nil {
			return nil
		}
	}
	return err
}

func (r revocations) checkChain(chain []*x509.Certificate, now time.Time) error {
	for i := range len(chain) - 1 {
		c, issuer := chain[i], chain[i+1]
		for _, l := range r {
			if l.CheckSignatureFrom(issuer) != nil {
				continue
			}
			if !l.NextUpdate.IsZero() && now.After(l.NextUpdate) {
				return fmt.Errorf("the revocation list has expired on %s", l.NextUpdate.Format(time.DateOnly))
			}
			for _, e := range l.RevokedCertificateEntries {
				if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
					return fmt.Errorf("the certificate of %q was revoked", c.Subject.CommonName)
				}
			}
		}
	}
	return nil
}

// blocks are the contents of the PEM blocks of a kind.
func blocks(text []byte, kind string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
			if b.Type == kind && !yield(b.Bytes) {
				return
			}
		}
	}
}
